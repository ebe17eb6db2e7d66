"""What a payout account is able to do, told as one of a few plain states. Rules only.

Stripe's flags and what they mean: stripe.md section 4. Neither ``details_submitted`` nor ``charges_enabled``
decides anything: money can be withdrawn where transfers are active, payouts are enabled, a bank account is
there and nothing is disabled.
"""

from dataclasses import dataclass
from enum import StrEnum

from jobsphere.stripe_gateway.objects import Account, BankAccount


class AccountState(StrEnum):
    """How a contractor's payout account stands."""

    NOT_OPENED = "not_opened"  # there is none yet
    INCOMPLETE = "incomplete"  # opened; the contractor has not told Stripe everything yet
    ACTION_NEEDED = "action_needed"  # Stripe wants to know something more, or once again
    BANK_ACCOUNT_MISSING = "bank_account_missing"  # there is none that money can be sent to
    BEING_CHECKED = "being_checked"  # everything was told; Stripe looks at it
    READY = "ready"  # money can be withdrawn
    OTHER_CURRENCY = "other_currency"  # it is kept in another currency than the platform's
    STOPPED = "stopped"  # Stripe or the platform has stopped it; the contractor cannot mend that
    DISCONNECTED = "disconnected"  # the contractor took the platform's access away


class NextStep(StrEnum):
    """What the contractor does next."""

    OPEN_ACCOUNT = "open_account"  # POST /api/wallet/connect makes a new one
    CONTINUE_AT_STRIPE = "continue_at_stripe"  # POST /api/wallet/connect leads to what is missing
    WAIT = "wait"  # nothing; Stripe tells us when it is done
    CONTACT_SUPPORT = "contact_support"  # write to the platform
    NONE = "none"  # nothing is to be done


@dataclass(frozen=True, slots=True)
class Standing:
    """The state, and what follows from it for the contractor."""

    state: AccountState
    explanation: str
    next_step: NextStep


_ALL = (
    Standing(AccountState.NOT_OPENED, "You have no payout account yet.", NextStep.OPEN_ACCOUNT),
    Standing(
        AccountState.INCOMPLETE,
        "Your payout account is opened, but not complete. Tell Stripe the rest.",
        NextStep.CONTINUE_AT_STRIPE,
    ),
    Standing(
        AccountState.ACTION_NEEDED,
        "Stripe needs something more from you. Until then you cannot withdraw.",
        NextStep.CONTINUE_AT_STRIPE,
    ),
    Standing(
        AccountState.BANK_ACCOUNT_MISSING,
        "There is no bank account that money can be sent to. Enter one, or another one.",
        NextStep.CONTINUE_AT_STRIPE,
    ),
    Standing(
        AccountState.BEING_CHECKED,
        "Stripe is checking what you told. That can take some days; you will be told.",
        NextStep.WAIT,
    ),
    Standing(AccountState.READY, "Your payout account is ready: you can withdraw to your bank.", NextStep.NONE),
    Standing(
        AccountState.OTHER_CURRENCY,
        "Your payout account or its bank account is kept in another currency than this platform pays in.",
        NextStep.CONTACT_SUPPORT,
    ),
    Standing(
        AccountState.STOPPED,
        "Your payout account was stopped. What you earned stays in your wallet.",
        NextStep.CONTACT_SUPPORT,
    ),
    Standing(
        AccountState.DISCONNECTED,
        "Your payout account was disconnected from this platform. What you earned stays in your wallet.",
        NextStep.OPEN_ACCOUNT,
    ),
)
_BY_STATE = {standing.state: standing for standing in _ALL}

# What the contractor can mend, and what only Stripe can; everything else is for support.
_CONTRACTOR_MAY_LIFT = ("requirements.past_due", "action_required.")
_STRIPE_LOOKS = ("requirements.pending_verification", "under_review", "listed")
_ONLY_THE_BANK = frozenset({"external_account"})
_UNUSABLE = frozenset({"errored", "verification_failed", "tokenized_account_number_deactivated"})


def standing(account: Account | None, currency: str, *, is_disconnected: bool = False) -> Standing:
    """How the account stands for a platform that pays in ``currency``."""
    return by_state(_state(account, currency, is_disconnected))


def by_state(state: AccountState) -> Standing:
    """What a state means for the contractor."""
    return _BY_STATE[state]


def bank_for(account: Account, currency: str) -> BankAccount | None:
    """The bank account that payouts in ``currency`` go to; None when there is no usable one."""
    usable = [bank for bank in account.banks if bank.currency == currency and bank.status not in _UNUSABLE]
    return next((bank for bank in usable if bank.is_default), usable[0] if usable else None)


def _state(account: Account | None, currency: str, is_disconnected: bool) -> AccountState:
    if account is None:
        return AccountState.NOT_OPENED
    if is_disconnected:
        return AccountState.DISCONNECTED
    if account.default_currency not in (None, currency):
        return AccountState.OTHER_CURRENCY
    reason = account.disabled_reason or ""
    if reason and not reason.startswith((*_CONTRACTOR_MAY_LIFT, *_STRIPE_LOOKS)):
        return AccountState.STOPPED
    return _unstopped(account, currency, reason)


def _unstopped(account: Account, currency: str, reason: str) -> AccountState:
    if not account.details_submitted and not account.can_be_paid:
        return AccountState.INCOMPLETE
    if reason.startswith(_STRIPE_LOOKS):
        return AccountState.BEING_CHECKED
    if bank_for(account, currency) is None and _nothing_else_is_due(account):
        others = any(bank.currency != currency for bank in account.banks)
        return AccountState.OTHER_CURRENCY if others else AccountState.BANK_ACCOUNT_MISSING
    if account.can_be_paid:
        return AccountState.READY
    return AccountState.ACTION_NEEDED if reason or account.currently_due else AccountState.BEING_CHECKED


def _nothing_else_is_due(account: Account) -> bool:
    return set(account.currently_due) <= _ONLY_THE_BANK
