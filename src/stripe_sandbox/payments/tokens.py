"""Tokens: a card number turned into something that may be handed on, once."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid
from stripe_sandbox.http.parameters import Parameters, clearable, integer, not_simulated, text
from stripe_sandbox.ids import new_id
from stripe_sandbox.payments.given_cards import card_by_details, card_fields
from stripe_sandbox.store import Record

_ADDRESS = [f"address_{part}" for part in ("city", "country", "line1", "line2", "state", "zip")]
_CARD = Parameters(
    required={"exp_month": integer, "exp_year": integer, "number": text},
    optional={
        "currency": not_simulated,
        "cvc": text,
        "name": clearable(text),
        "networks": not_simulated,
        **dict.fromkeys(_ADDRESS, clearable(text)),
    },
)
CREATE = Parameters(
    optional={
        "card": _CARD,
        **dict.fromkeys(("account", "bank_account", "customer", "cvc_update", "person", "pii"), not_simulated),
    }
)


def create(call: Call) -> Record:
    """A token for a card number, which only a browser may send.

    Raises:
        StripeError: 402 with the field that is wrong; 400 for a card number sent with a secret key.
    """
    given = call.get("card")
    if given is None:
        raise invalid(
            "You must supply either a card, customer, bank account, personally identifiable information."
        )
    card = card_by_details(call, given)
    return call.sandbox.add(
        "token",
        "tok",
        call.account,
        card=_card(call, card_fields(call.sandbox, card), given),
        client_ip=None,
        livemode=False,
        type="card",
        used=False,
        _number=card.number,
    )


def retrieve(call: Call) -> Record:
    """One token."""
    return call.named("token", "token")


def _card(call: Call, fields: Record, given: Record) -> Record:
    kept = {name: fields[name] for name in ("brand", "country", "fingerprint", "funding", "last4")}
    return {
        "id": new_id("card"),
        "object": "card",
        **kept,
        **{name: given.get(name) for name in (*_ADDRESS, "name")},
        "address_line1_check": "pass" if given.get("address_line1") else None,
        "address_zip_check": "pass" if given.get("address_zip") else None,
        "cvc_check": "unchecked" if "cvc" in given else None,
        "dynamic_last4": None,
        "exp_month": given["exp_month"],
        "exp_year": given["exp_year"],
        "metadata": {},
        "tokenization_method": None,
    }
