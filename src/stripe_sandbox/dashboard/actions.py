"""The table of everything that can be done by hand: by name, to one kind of object, with some options."""

from stripe_sandbox.connect.external_accounts import GOOD_NUMBER, NUMBERS
from stripe_sandbox.connect.onboarding import OUTCOMES, onboard
from stripe_sandbox.connect.requirements import DISABLED_REASONS
from stripe_sandbox.dashboard import accounts, money
from stripe_sandbox.dashboard.action import Action, amount, choice, flag, whole_number, words
from stripe_sandbox.money.payouts import FAILURE_MESSAGES
from stripe_sandbox.payments.dispute_record import REASONS, Case
from stripe_sandbox.payments.early_fraud_warnings import FRAUD_TYPES
from stripe_sandbox.payments.refunds import FAILURE_REASONS
from stripe_sandbox.settings import DAY
from stripe_sandbox.webhooks.endpoints import roll_secret

_NUMBERS = sorted(NUMBERS)
_RESTRICTION = (
    choice("disabled_reason", DISABLED_REASONS, "requirements.past_due"),
    flag("may_receive"),
)

ACTIONS: dict[str, Action] = {
    "authenticate": Action("payment_intent", "Authenticate", money.authenticate, (flag("succeed", default=True),)),
    "authenticate_setup": Action(
        "setup_intent", "Authenticate", money.authenticate_setup, (flag("succeed", default=True),)
    ),
    "refund": Action("charge", "Refund", money.refund, (amount(),)),
    "fail_refund": Action(
        "refund",
        "Let it fail",
        money.fail_refund,
        (choice("reason", FAILURE_REASONS, "expired_or_canceled_card"),),
    ),
    "dispute": Action(
        "charge",
        "Dispute",
        money.dispute,
        (amount(), choice("reason", REASONS, "fraudulent"), choice("case", list(Case), Case.CHARGEBACK.value)),
    ),
    "decide_dispute": Action(
        "dispute",
        "Decide",
        money.decide_dispute,
        (
            choice("outcome", ("won", "lost"), "won"),
            flag("fee_returned", default=None),
            amount("reinstated"),
            flag("reinstated_first"),
        ),
    ),
    "escalate_inquiry": Action("dispute", "Make it a chargeback", money.escalate_inquiry),
    "warn_of_fraud": Action(
        "charge",
        "Warn of fraud",
        money.warn_of_fraud,
        (choice("fraud_type", FRAUD_TYPES, "made_with_stolen_card"),),
    ),
    "reverse_transfer": Action("transfer", "Reverse", money.reverse_transfer, (amount(),)),
    "cancel_payout": Action("payout", "Cancel", money.cancel_payout),
    "fail_payout": Action(
        "payout", "Let it fail", money.fail_payout, (choice("code", FAILURE_MESSAGES, "account_closed"),)
    ),
    "fail_topup": Action(
        "topup", "Let it fail", money.fail_topup, (choice("code", FAILURE_MESSAGES, "insufficient_funds"),)
    ),
    "onboard": Action(
        "account",
        "Fill in onboarding",
        onboard,
        (choice("outcome", OUTCOMES, "complete"), choice("account_number", _NUMBERS)),
    ),
    "restrict": Action("account", "Restrict", accounts.restrict, _RESTRICTION),
    "lift_restriction": Action("account", "Lift the restriction", accounts.lift_restriction),
    "change_bank": Action(
        "account",
        "Change the bank account",
        accounts.change_bank,
        (choice("account_number", _NUMBERS, GOOD_NUMBER), words("currency")),
    ),
    "remove_bank": Action("account", "Remove a bank account", accounts.remove_bank, (words("bank_account"),)),
    "payout_schedule": Action(
        "account",
        "Set the payout schedule",
        accounts.set_payout_schedule,
        (choice("interval", accounts.INTERVALS, "manual"),),
    ),
    "deauthorize": Action("account", "Disconnect", accounts.deauthorize),
    "roll_secret": Action(
        "webhook_endpoint",
        "Roll the secret",
        roll_secret,
        (words("secret"), whole_number("overlap_seconds", 0, DAY, DAY)),
    ),
}
