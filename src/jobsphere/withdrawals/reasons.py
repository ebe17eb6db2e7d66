"""Why a withdrawal waits, failed or cannot be made: a code for a program, a sentence and a next step for people.

Money that waits without a reason shown is what people complain about most, so every state that is not the end has
one (``waiting.py``), and every refusal (``quote.py``).
"""

from dataclasses import dataclass

_NOTHING = "You need not do anything."
_BANK = "Enter or correct your bank account at Stripe (POST /api/wallet/connect), then withdraw again."
_AGAIN = "Withdraw again. If it happens again, write to us."


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable ``code``, a ``sentence`` that says what is going on, and the ``next_step`` for the contractor."""

    code: str
    sentence: str
    next_step: str = _NOTHING


ALL = (
    # It goes on by itself.
    BEING_SENT := Reason("being_sent", "Your withdrawal is being sent."),
    ON_ITS_WAY := Reason("on_its_way", "The money is on its way to your bank."),
    PLATFORM_FUNDS_PENDING := Reason(
        "platform_funds_pending", "Card payments need a few days to settle; your withdrawal is sent right after."
    ),
    ACCOUNT_FUNDS_PENDING := Reason(
        "account_funds_pending", "The money is on its way to your payout account and goes to your bank from there."
    ),
    ANSWER_LOST := Reason(
        "answer_lost", "An answer of our payment provider was lost. We find out what happened before we go on."
    ),
    ACCOUNT_LOST_WHILE_SENT := Reason(
        "account_lost_while_sent",
        "Your payout account was disconnected from this platform while the money was being sent to your bank.",
        "Look at your bank account; we find out whether the money left, and write to you.",
    ),
    SENT_AGAIN := Reason("sent_again", "Your withdrawal could not be sent yet. It is sent again."),
    BEING_RETURNED := Reason("being_returned", "The money is on its way back to your wallet."),
    BANK_ACCOUNT_CHANGED := Reason(
        "bank_account_changed",
        "Your bank account was changed. For your safety nothing is sent there for a while.",
        "If it was not you who changed it, contact support at once.",
    ),
    # A person decides.
    IN_REVIEW := Reason("in_review", "We look at your withdrawal before it is sent."),
    REVIEW_OF_FIRST := Reason("review_first", "We look at your first withdrawal before it is sent."),
    REVIEW_OF_LARGE := Reason("review_large", "We look at large withdrawals before they are sent."),
    REVIEW_OF_NEW_BANK := Reason(
        "review_new_bank_account",
        "Your bank account was changed. We look at this withdrawal before it is sent.",
    ),
    REVIEW_REJECTED := Reason(
        "review_rejected", "We looked at your withdrawal and did not send it.", "Write to us to learn why."
    ),
    CANCELED_BY_CONTRACTOR := Reason("canceled_by_contractor", "You canceled this withdrawal."),
    # It failed.
    TRANSFER_REFUSED := Reason(
        "transfer_refused",
        "The money could not be sent to your payout account.",
        "Look at your payout account (GET /api/wallet/connect/status), then withdraw again.",
    ),
    ACCOUNT_DISCONNECTED := Reason(
        "account_disconnected",
        "Your payout account was disconnected from this platform, so nothing can be sent to it.",
        "Open a payout account (POST /api/wallet/connect), then withdraw again.",
    ),
    PAYOUT_REFUSED := Reason(
        "payout_refused",
        "Your payout account could not send the money to your bank. Check your bank account.",
        _BANK,
    ),
    PAYOUT_CANCELED := Reason("payout_canceled", "The payment to your bank was canceled before it left.", _AGAIN),
    BANK_ACCOUNT_CLOSED := Reason(
        "account_closed", "Your bank account is closed. Enter another bank account.", _BANK
    ),
    NO_BANK_ACCOUNT := Reason(
        "no_account", "The bank does not know this account. Check your bank account.", _BANK
    ),
    BANK_REFUSED := Reason("bank_refused", "Your bank refused the money. Check your bank account.", _BANK),
)
_BY_CODE = {reason.code: reason for reason in ALL}


def payout_failure(stripe_code: str | None) -> Reason:
    """The reason for a failed payout (Stripe's ``failure_code``), general for those not told apart."""
    known = {reason.code: reason for reason in (BANK_ACCOUNT_CLOSED, NO_BANK_ACCOUNT)}
    return known.get(stripe_code or "", BANK_REFUSED)


def by_code(code: str | None) -> Reason | None:
    """The reason stored with a withdrawal."""
    return _BY_CODE.get(code or "")
