"""Payment intents: the requests that create, change, confirm, cancel and show them."""

import secrets

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, invalid, no_such, refused
from stripe_sandbox.http.lists import page
from stripe_sandbox.http.parameters import merged_metadata
from stripe_sandbox.money.currencies import check_charge
from stripe_sandbox.payments import capture, confirmation
from stripe_sandbox.payments.payment_methods import given_method
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.events import emit

_COPIED = (
    "amount",
    "capture_method",
    "currency",
    "customer",
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)

# What may no longer change once the bank has agreed to the payment.
_FIXED_BY_THE_BANK = frozenset(
    "amount capture_method currency customer payment_method payment_method_data setup_future_usage".split()
)


def create(call: Call) -> Record:
    """A new payment intent, confirmed at once if the caller says so."""
    check_charge(call.params["amount"], call.params["currency"])
    if not call.get("confirm"):
        _refuse_confirming_parameters(call)
    call.given("customer", "customer")
    method = given_method(call, call.get("customer"))
    intent = call.sandbox.add("payment_intent", "pi", call.account, **_blank(call))
    secret = f"{intent['id']}_secret_{secrets.token_hex(12)}"
    call.sandbox.store.change(intent, client_secret=secret, **_changes(call, intent))
    if method:
        _choose(call, intent, method)
    emit(call.sandbox, "payment_intent.created", intent)
    return confirmation.confirm(call, intent) if call.get("confirm") else intent


def retrieve(call: Call) -> Record:
    """One payment intent; a browser must know its client secret."""
    intent = _named(call)
    if call.publishable or "client_secret" in call.params:
        _check_secret(call, intent)
    return intent


def update(call: Call) -> Record:
    """Change a payment intent that was not paid or canceled yet."""
    intent = _named(call)
    if intent["status"] in ("succeeded", "canceled"):
        message = f"This PaymentIntent could not be updated because it has a status of {intent['status']}."
        raise _unexpected_state(message, intent)
    fixed = _FIXED_BY_THE_BANK & call.params.keys()
    if intent["status"] == "requires_capture" and fixed:
        message = f"{', '.join(sorted(fixed))} cannot be updated when the PaymentIntent waits for capture."
        raise _unexpected_state(message, intent)
    check_charge(call.get("amount", intent["amount"]), call.get("currency", intent["currency"]))
    call.given("customer", "customer")
    method = given_method(call, call.get("customer", intent["customer"]))
    call.sandbox.store.change(intent, **_changes(call, intent))
    if method:
        _choose(call, intent, method)
    return intent


def confirm(call: Call) -> Record:
    """Try to take the money.

    Raises:
        StripeError: 402 when the card is declined; the payment intent then waits for another card.
    """
    intent = _named(call)
    if call.publishable:
        _check_secret(call, intent)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        message = f"You cannot confirm this PaymentIntent because it has already {_past(intent['status'])}."
        raise _unexpected_state(message, intent)
    method = given_method(call, intent["customer"])
    call.sandbox.store.change(intent, **_changes(call, intent))
    if method:
        _choose(call, intent, method)
    return confirmation.confirm(call, intent)


def cancel(call: Call) -> Record:
    """Give up a payment intent that was not paid."""
    intent = _named(call)
    if intent["status"] in ("succeeded", "canceled"):
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be canceled: requires_payment_method, "
            "requires_capture, requires_confirmation, requires_action, processing."
        )
        raise _unexpected_state(message, intent)
    if intent["status"] == "requires_capture":
        capture.release(call.sandbox, intent)
    call.sandbox.store.change(
        intent,
        canceled_at=call.sandbox.now(),
        cancellation_reason=call.get("cancellation_reason"),
        next_action=None,
        status="canceled",
    )
    emit(call.sandbox, "payment_intent.canceled", intent)
    return intent


def list_payment_intents(call: Call) -> Record:
    """Payment intents, newest first."""
    where = call.only("customer")
    return page(call, "payment_intent", "/v1/payment_intents", where)


def _named(call: Call) -> Record:
    return call.named("payment_intent", "intent")


def _refuse_confirming_parameters(call: Call) -> None:
    for name in ("error_on_requires_action", "mandate_data", "off_session", "return_url"):
        if name in call.params:
            raise invalid(f"You can only give `{name}` together with `confirm=true`.", name)


def _check_secret(call: Call, intent: Record) -> None:
    if call.get("client_secret") != intent["client_secret"]:
        raise no_such("payment_intent", intent["id"], "client_secret")


def _choose(call: Call, intent: Record, method: Record) -> None:
    """Let the intent be paid with ``method``."""
    call.sandbox.store.change(
        intent, payment_method=method["id"], status="requires_confirmation", next_action=None
    )


def _changes(call: Call, intent: Record) -> Record:
    """What the parameters change directly on the intent."""
    changes = call.only(*_COPIED)
    if "metadata" in call.params:
        changes["metadata"] = merged_metadata(intent["metadata"], call.params["metadata"])
    if call.get("payment_method", intent["payment_method"]) is None and intent["payment_method"]:
        changes |= {"payment_method": None, "status": "requires_payment_method"}
    if "return_url" in call.params:
        changes["_return_url"] = call.params["return_url"]
    return changes


def _blank(call: Call) -> Record:
    return {
        "amount": call.params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": _automatic(call),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": None,
        "confirmation_method": "automatic",
        "currency": call.params["currency"],
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_return_url": None,
    }


def _automatic(call: Call) -> Record | None:
    """Which methods may pay is decided by the dashboard's settings unless the caller lists them."""
    if "allowed_payment_method_types" in call.params:
        return None
    given = call.get("automatic_payment_methods", {"enabled": True})
    return {"allow_redirects": "always"} | given if given["enabled"] else None


def _past(status: str) -> str:
    return {"succeeded": "succeeded", "canceled": "been canceled"}.get(status, f"reached the status {status}")


def _unexpected_state(message: str, intent: Record) -> StripeError:
    return refused(message, "payment_intent_unexpected_state", payment_intent=shown(intent))
