"""The card behind what a customer gives: a number from the browser, or a token; and how cards are refused."""

import hashlib
from datetime import UTC, datetime

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, refused
from stripe_sandbox.payments import cards
from stripe_sandbox.payments.cards import Card, Decline
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


def card_by_details(call: Call, details: Record) -> Card:
    """The test card behind a token or, for a browser, behind a number.

    Raises:
        StripeError: 402 with the field that is wrong; 400 for a number sent with a secret key or a used token.
    """
    if "token" in details:
        return _by_token(call, details["token"])
    if not call.publishable:
        raise refused(
            "Sending card numbers with a secret key is unsafe and refused. Use a test token such as "
            "`pm_card_visa`, or send the number from the browser with the publishable key.",
        )
    return _by_number(call.sandbox, details)


def _by_token(call: Call, identifier: str) -> Card:
    """The card of a test token, or of one that was made from a number and may be used once."""
    test_card = cards.BY_TOKEN.get(identifier.replace("tok_", "pm_card_", 1))
    if test_card:
        return test_card
    token = call.find("token", identifier, "card[token]", 400)
    if token["used"]:
        raise refused(f"You cannot use a Stripe token more than once: {identifier}.", "token_already_used")
    call.sandbox.store.change(token, used=True)
    return cards.BY_NUMBER[token["_number"]]


def _by_number(sandbox: Sandbox, details: Record) -> Card:
    number = details.get("number", "").replace(" ", "").replace("-", "")
    if not number.isdecimal() or not 12 <= len(number) <= 19 or not cards.passes_check_digit(number):
        raise _wrong("incorrect_number", "Your card number is incorrect.", "number")
    _check_expiry(sandbox, details)
    cvc = details.get("cvc")
    if cvc is not None and not (cvc.isdecimal() and 3 <= len(cvc) <= 4):
        raise _wrong("invalid_cvc", "Your card's security code is invalid.", "cvc")
    if number not in cards.BY_NUMBER:
        raise declined(cards.NOT_A_TEST_CARD)
    return cards.BY_NUMBER[number]


def _check_expiry(sandbox: Sandbox, details: Record) -> None:
    today = datetime.fromtimestamp(sandbox.now(), UTC)
    month, year = details.get("exp_month", 0), details.get("exp_year", 0)
    if not 1 <= month <= 12:
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    if not today.year <= year <= today.year + 50:
        raise _wrong("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if (year, month) < (today.year, today.month):
        raise _wrong("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")


def _wrong(code: str, message: str, param: str) -> StripeError:
    return StripeError(402, message, code=code, param=param, kind="card_error", executed=True)


def declined(decline: Decline, **details: object) -> StripeError:
    """The 402 that a decline answers."""
    has_decline_code = decline.code in ("card_declined", "authentication_required")
    reason = {"decline_code": decline.decline_code} if has_decline_code else {}
    return StripeError(
        402,
        decline.message,
        code=decline.code,
        param=decline.param,
        kind="card_error",
        executed=True,
        **reason,
        **details,
    )


def card_fields(sandbox: Sandbox, card: Card) -> Record:
    """What a payment method shows of its card."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": datetime.fromtimestamp(sandbox.now(), UTC).year + 2,
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
