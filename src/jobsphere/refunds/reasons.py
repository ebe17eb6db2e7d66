"""Why a refund did not reach the card, as one sentence for its owner and one code for a program."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable ``code`` and a ``sentence`` that says what happened."""

    code: str
    sentence: str


CANCELED_AT_STRIPE = Reason("canceled", "The refund was canceled before it reached your card.")
NOT_POSSIBLE = Reason("refund_not_possible", "The payment provider could not refund this payment.")
DISPUTED = Reason("disputed", "The payment is disputed, so it cannot be refunded.")
_REFUSED = {"charge_disputed": DISPUTED}
_NOT_TAKEN = Reason("card_refused_refund", "Your card's bank did not take the refund.")
# Stripe's reasons (stripe.md section 5); those that are nobody's business are told as the general one.
_FAILED = {
    "lost_or_stolen_card": Reason("card_gone", "The card that you paid with is no longer in use."),
    "expired_or_canceled_card": Reason("card_gone", "The card that you paid with is no longer in use."),
    "charge_for_pending_refund_disputed": DISPUTED,
}


def failure(stripe_reason: str | None) -> Reason:
    """For a refund that Stripe says has failed."""
    return _FAILED.get(stripe_reason or "", _NOT_TAKEN)


def refusal(stripe_code: str | None) -> Reason:
    """For one that Stripe refused to make."""
    return _REFUSED.get(stripe_code or "", NOT_POSSIBLE)


def sentence_for(code: str | None) -> str | None:
    """The sentence of one of our own codes, as stored with a refund."""
    known = (CANCELED_AT_STRIPE, NOT_POSSIBLE, _NOT_TAKEN, *_FAILED.values())
    return next((reason.sentence for reason in known if reason.code == code), None)
