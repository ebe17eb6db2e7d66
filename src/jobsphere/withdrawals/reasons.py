"""Why a withdrawal waits or failed: one code for a program, one sentence for the contractor."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable ``code`` and a ``sentence`` that says what is going on and what to do."""

    code: str
    sentence: str


_ALL = (
    PLATFORM_FUNDS_PENDING := Reason(
        "platform_funds_pending", "Card payments need a few days to settle; your withdrawal is sent right after."
    ),
    ACCOUNT_FUNDS_PENDING := Reason(
        "account_funds_pending", "The money is on its way to your payout account and goes to your bank from there."
    ),
    TRANSFER_REFUSED := Reason("transfer_refused", "The money could not be sent to your payout account."),
    PAYOUT_REFUSED := Reason(
        "payout_refused", "Your payout account could not send the money to your bank. Check your bank account."
    ),
    BANK_ACCOUNT_CLOSED := Reason("account_closed", "Your bank account is closed. Enter another bank account."),
    NO_BANK_ACCOUNT := Reason("no_account", "The bank does not know this account. Check your bank account."),
    BANK_REFUSED := Reason("bank_refused", "Your bank refused the money. Check your bank account."),
)
_BY_CODE = {reason.code: reason for reason in _ALL}


def payout_failure(stripe_code: str | None) -> Reason:
    """The reason for a failed payout (Stripe's ``failure_code``), general for those not told apart."""
    return _BY_CODE.get(stripe_code or "", BANK_REFUSED)


def by_code(code: str | None) -> Reason | None:
    """The reason stored with a withdrawal."""
    return _BY_CODE.get(code or "")
