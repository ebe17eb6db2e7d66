"""Why a card was refused, as one sentence for its owner and one code for a program.

Stripe's codes are more than people can act on (stripe.md section 2 lists them), and some, such as
``fraudulent`` or ``stolen_card``, must not be told to whoever holds the card.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """A stable ``code`` and a ``sentence`` that says what happened and what to do."""

    code: str
    sentence: str


GENERIC = Decline("card_declined", "Your bank declined the card. Use another card or ask your bank.")
NOT_SENT = Decline("payment_provider_unreachable", "The payment could not be sent. Please try again.")
CANCELED = Decline("payment_canceled", "The payment was canceled.")
EXPIRED = Decline("payment_expired", "The payment was not completed within a day.")
NOT_POSSIBLE = Decline("payment_not_possible", "This payment could not be made with this card. Use another card.")

_WRONG_CVC = Decline("incorrect_cvc", "The security code of the card is wrong. Check it and try again.")
_WRONG_NUMBER = Decline("incorrect_number", "The card number is wrong. Check it and try again.")
_WRONG_EXPIRY = Decline("invalid_expiry", "The expiry date of the card is wrong. Check it and try again.")
_WRONG_POSTCODE = Decline("incorrect_zip", "The postal code of the card is wrong. Check it and try again.")
_TRY_LATER = Decline("processing_error", "The card could not be processed. Try again later.")
_OTHER_CARD = Decline("card_not_supported", "This card cannot be used for this payment. Use another card.")

_BY_CODE = {
    "insufficient_funds": Decline("insufficient_funds", "The card does not have enough money."),
    "expired_card": Decline("expired_card", "The card has expired. Use another card."),
    "incorrect_cvc": _WRONG_CVC,
    "invalid_cvc": _WRONG_CVC,
    "incorrect_number": _WRONG_NUMBER,
    "invalid_number": _WRONG_NUMBER,
    "invalid_expiry_month": _WRONG_EXPIRY,
    "invalid_expiry_year": _WRONG_EXPIRY,
    "incorrect_zip": _WRONG_POSTCODE,
    "card_not_supported": _OTHER_CARD,
    "currency_not_supported": _OTHER_CARD,
    "processing_error": _TRY_LATER,
    "issuer_not_available": _TRY_LATER,
    "reenter_transaction": _TRY_LATER,
    "try_again_later": _TRY_LATER,
    "card_velocity_exceeded": Decline(
        "card_velocity_exceeded", "The card has reached its limit. Use another card or ask your bank."
    ),
    "authentication_required": Decline(
        "authentication_required", "Your bank asks you to confirm the payment. Try again and confirm it."
    ),
    "payment_intent_authentication_failure": Decline(
        "authentication_failed", "The payment was not confirmed with your bank. Try again and confirm it."
    ),
    "resource_missing": NOT_POSSIBLE,
}


def explain(stripe_code: str | None) -> Decline:
    """The decline for a code or decline code of Stripe; generic for those that are not told or not known."""
    return _BY_CODE.get(stripe_code or "", GENERIC)


def sentence_for(code: str | None) -> str:
    """The sentence of one of our own codes, as stored with a deposit."""
    known = (*_BY_CODE.values(), NOT_SENT, CANCELED, EXPIRED)
    return next((decline.sentence for decline in known if decline.code == code), GENERIC.sentence)
