"""Payment methods: cards by test token or by number, saved to a customer or used once."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, no_such, refused
from stripe_sandbox.http.lists import list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    Reader,
    anything,
    clearable,
    integer,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.payments import cards
from stripe_sandbox.payments.cards import Card
from stripe_sandbox.payments.given_cards import card_by_details, card_fields, declined
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

_ADDRESS = Parameters(
    optional=dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), clearable(text))
)
BILLING = Parameters(
    optional={"address": _ADDRESS, "email": clearable(text), "name": clearable(text), "phone": clearable(text)}
)
_CARD = Parameters(
    optional={
        "cvc": text,
        "exp_month": integer,
        "exp_year": integer,
        "networks": anything,
        "number": text,
        "token": text,
    }
)
DATA = Parameters(
    required={"type": one_of("card")},
    optional={
        "allow_redisplay": one_of("always", "limited", "unspecified"),
        "billing_details": BILLING,
        "card": _CARD,
        "metadata": metadata,
        "radar_options": anything,
    },
)
# What the official browser library sends along and what has no effect here.
_BROWSER = dict.fromkeys(
    "client_attribution_metadata guid key muid pasted_fields payment_user_agent referrer sid time_on_page".split(),
    anything,
)
CREATE = Parameters(required=DATA.required, optional={**DATA.readers, **_BROWSER})
UPDATE = Parameters(
    optional={
        "allow_redisplay": one_of("always", "limited", "unspecified"),
        "billing_details": BILLING,
        "card": Parameters(optional={"exp_month": integer, "exp_year": integer, "networks": anything}),
        "metadata": metadata,
        "us_bank_account": not_simulated,
    }
)
ATTACH = Parameters(required={"customer": text}, optional={"customer_account": not_simulated})
DETACH = Parameters()
_LISTED: dict[str, Reader] = {"allow_redisplay": text, "type": one_of("card")}
LIST = list_parameters(customer=text, customer_account=not_simulated, **_LISTED)
LIST_OF_CUSTOMER = list_parameters(**_LISTED)


def create(call: Call) -> Record:
    """A card by number (only with a publishable key, as a browser would) or by test token."""
    return from_data(call, call.params)


def from_data(call: Call, data: Record) -> Record:
    """A payment method from the fields that a customer fills in.

    Raises:
        StripeError: 402 with the field that is wrong; 400 for a card number sent with a secret key.
    """
    details = data.get("card", {})
    card = card_by_details(call, details)
    method = _new(call.sandbox, call.account, card)
    method["card"] |= {name: details[name] for name in ("exp_month", "exp_year") if name in details}
    given = data.get("billing_details", {})
    method["billing_details"] |= given | {"address": _blank_address() | given.get("address", {})}
    method["metadata"] = merged_metadata({}, data.get("metadata", {}))
    method["allow_redisplay"] = data.get("allow_redisplay", "unspecified")
    return method


def by_id_or_token(call: Call, identifier: str, param: str, status: int = 400) -> Record:
    """The payment method with this id; a test token makes a new one each time."""
    card = cards.BY_TOKEN.get(identifier)
    if card is not None:
        return _new(call.sandbox, call.account, card)
    method = call.sandbox.store.get(identifier)
    if method is None or method["object"] != "payment_method" or method["_account"] != call.account:
        raise no_such("payment_method", identifier, param, status)
    return method


def given_method(call: Call, customer: str | None) -> Record | None:
    """The payment method that the request names or describes, for an intent of ``customer``.

    Raises:
        StripeError: there is none such, both a name and a description are given, or it may not be used.
    """
    identifier = call.get("payment_method")
    if identifier and "payment_method_data" in call.params:
        raise invalid("Give only one of payment_method and payment_method_data.", "payment_method")
    if "payment_method_data" in call.params:
        return from_data(call, call.params["payment_method_data"])
    if not identifier:
        return None
    method = by_id_or_token(call, identifier, "payment_method")
    _check_owner(method, customer)
    check_not_used_up(method)
    return method


def _check_owner(method: Record, customer: str | None) -> None:
    if method["customer"] not in (None, customer):
        raise refused(
            f"The PaymentMethod {method['id']} belongs to the customer {method['customer']}; give that customer, "
            "too.",
            param="payment_method",
        )


def check_not_used_up(method: Record) -> None:
    """Refuse a payment method that was used without a customer, or detached from one."""
    if method["_used"] and method["customer"] is None:
        raise refused(
            "This PaymentMethod was used before without being attached to a customer, or was detached from one, "
            "and may not be used again. Attach a PaymentMethod to a customer to use it several times."
        )


def card_of(method: Record) -> Card:
    """The test card behind a payment method."""
    return cards.BY_NUMBER[method["_number"]]


def retrieve(call: Call) -> Record:
    """One payment method; a test token shows a new one."""
    return by_id_or_token(call, call.path["payment_method"], "payment_method", 404)


def update(call: Call) -> Record:
    """Change billing details, expiry or metadata."""
    method = call.named("payment_method", "payment_method")
    changes = dict(call.params)
    if "billing_details" in changes:
        given = changes["billing_details"]
        address = method["billing_details"]["address"] | given.get("address", {})
        changes["billing_details"] = method["billing_details"] | given | {"address": address}
    if "card" in changes:
        changes["card"] = method["card"] | changes["card"]
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(method["metadata"], changes["metadata"])
    previous = call.sandbox.store.change(method, **changes)
    if previous:
        emit(call.sandbox, "payment_method.updated", method, previous)
    return method


def attach(call: Call) -> Record:
    """Save a payment method to a customer, which asks the bank: some test cards are declined here."""
    method = retrieve(call)
    customer = call.given("customer", "customer")
    assert customer is not None, "the parameter table requires it"
    if method["customer"] not in (None, customer["id"]):
        raise refused(
            "The payment method is already attached to a customer.", code="payment_method_already_attached"
        )
    check_not_used_up(method)
    card = card_of(method)
    if card.decline and not card.may_be_saved:
        raise declined(card.decline)
    attach_to(call.sandbox, method, customer["id"])
    return method


def attach_to(sandbox: Sandbox, method: Record, customer: str) -> None:
    """Save a payment method to a customer whose bank has agreed."""
    if method["customer"] != customer:
        sandbox.store.change(method, customer=customer)
        emit(sandbox, "payment_method.attached", method)


def detach(call: Call) -> Record:
    """Remove a payment method from its customer; it can never be used again."""
    method = call.named("payment_method", "payment_method")
    if method["customer"] is None:
        raise refused("The payment method is not attached to a customer.")
    previous = call.sandbox.store.change(method, customer=None, _used=True)
    emit(call.sandbox, "payment_method.detached", method, {"customer": previous["customer"]})
    return method


def list_payment_methods(call: Call) -> Record:
    """The payment methods saved to customers, newest first."""
    where = call.only("customer", "type")
    return page(
        call, "payment_method", "/v1/payment_methods", where, lambda method: method["customer"] is not None
    )


def list_of_customer(call: Call) -> Record:
    """The payment methods saved to one customer."""
    customer = call.named("customer", "customer")
    url = f"/v1/customers/{customer['id']}/payment_methods"
    return page(call, "payment_method", url, {"customer": customer["id"]})


def _new(sandbox: Sandbox, account: str, card: Card) -> Record:
    return sandbox.add(
        "payment_method",
        "pm",
        account,
        allow_redisplay="unspecified",
        billing_details={"address": _blank_address(), "email": None, "name": None, "phone": None},
        card=card_fields(sandbox, card),
        customer=None,
        livemode=False,
        metadata={},
        type="card",
        _number=card.number,
        _used=False,
    )


def _blank_address() -> Record:
    return dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
