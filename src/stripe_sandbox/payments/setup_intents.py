"""Setup intents: the requests that create, change, confirm, cancel and show them, and their attempts."""

import secrets

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, invalid, no_such, refused
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    Reader,
    anything,
    array,
    boolean,
    clearable,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.payments import setting_up
from stripe_sandbox.payments.payment_methods import DATA, given_method
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.events import emit

_AUTOMATIC = Parameters(required={"enabled": boolean}, optional={"allow_redirects": one_of("always", "never")})
_METHOD: dict[str, Reader] = {
    "allowed_payment_method_types": array(one_of("card")),
    "payment_method": clearable(text),
    "payment_method_data": DATA,
    "payment_method_options": anything,
}
_SHARED: dict[str, Reader] = {
    **_METHOD,
    "customer": text,
    "description": clearable(text),
    "metadata": metadata,
    **dict.fromkeys(
        "attach_to_self customer_account excluded_payment_method_types flow_directions "
        "payment_method_configuration".split(),
        not_simulated,
    ),
}
_CONFIRMING: dict[str, Reader] = {
    "confirmation_token": not_simulated,
    "mandate_data": anything,
    "return_url": text,
    "use_stripe_sdk": boolean,
}
CREATE = Parameters(
    optional={
        **_SHARED,
        **_CONFIRMING,
        "automatic_payment_methods": _AUTOMATIC,
        "confirm": boolean,
        "on_behalf_of": not_simulated,
        "single_use": not_simulated,
        "usage": one_of("off_session", "on_session"),
    }
)
UPDATE = Parameters(optional=_SHARED)
CONFIRM = Parameters(
    optional={
        **_METHOD,
        **_CONFIRMING,
        "client_secret": text,
        "expected_payment_method_type": text,
        "key": anything,
    }
)
CANCEL = Parameters(optional={"cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")})
RETRIEVE = Parameters(optional={"client_secret": text})
LIST = dated_list_parameters(
    attach_to_self=not_simulated, customer=text, customer_account=not_simulated, payment_method=text
)
LIST_ATTEMPTS = Parameters(required={"setup_intent": text}, optional=dated_list_parameters().readers)

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(call: Call) -> Record:
    """A new setup intent, confirmed at once if the caller says so."""
    if not call.get("confirm"):
        _refuse_confirming_parameters(call)
    call.given("customer", "customer")
    method = given_method(call, call.get("customer"))
    intent = call.sandbox.add("setup_intent", "seti", call.account, **_blank(call))
    secret = f"{intent['id']}_secret_{secrets.token_hex(12)}"
    call.sandbox.store.change(intent, client_secret=secret, **_changes(call, intent))
    if method:
        _choose(call, intent, method)
    emit(call.sandbox, "setup_intent.created", intent)
    return setting_up.confirm(call, intent) if call.get("confirm") else intent


def retrieve(call: Call) -> Record:
    """One setup intent; a browser must know its client secret."""
    intent = call.named("setup_intent", "intent")
    if call.publishable or "client_secret" in call.params:
        _check_secret(call, intent)
    return intent


def update(call: Call) -> Record:
    """Change a setup intent that did not succeed and was not canceled."""
    intent = call.named("setup_intent", "intent")
    if intent["status"] not in _OPEN:
        message = f"This SetupIntent could not be updated because it has a status of {intent['status']}."
        raise _unexpected_state(message, intent)
    call.given("customer", "customer")
    method = given_method(call, call.get("customer", intent["customer"]))
    call.sandbox.store.change(intent, **_changes(call, intent))
    if method:
        _choose(call, intent, method)
    return intent


def confirm(call: Call) -> Record:
    """Set the payment method up for later payments.

    Raises:
        StripeError: 402 when the bank refuses; the setup intent then waits for another card.
    """
    intent = call.named("setup_intent", "intent")
    if call.publishable:
        _check_secret(call, intent)
    if intent["status"] not in _OPEN:
        message = f"You cannot confirm this SetupIntent because it has a status of {intent['status']}."
        raise _unexpected_state(message, intent)
    method = given_method(call, intent["customer"])
    call.sandbox.store.change(intent, **_changes(call, intent))
    if method:
        _choose(call, intent, method)
    return setting_up.confirm(call, intent)


def cancel(call: Call) -> Record:
    """Give up a setup intent that did not succeed."""
    intent = call.named("setup_intent", "intent")
    if intent["status"] not in _OPEN:
        message = (
            f"You cannot cancel this SetupIntent because it has a status of {intent['status']}. Only one that "
            f"has one of these may be canceled: {', '.join(_OPEN)}."
        )
        raise _unexpected_state(message, intent)
    call.sandbox.store.change(
        intent, cancellation_reason=call.get("cancellation_reason"), next_action=None, status="canceled"
    )
    emit(call.sandbox, "setup_intent.canceled", intent)
    return intent


def list_setup_intents(call: Call) -> Record:
    """Setup intents, newest first."""
    return page(call, "setup_intent", "/v1/setup_intents", call.only("customer", "payment_method"))


def list_attempts(call: Call) -> Record:
    """The attempts to confirm one setup intent, newest first."""
    return page(call, "setup_attempt", "/v1/setup_attempts", call.only("setup_intent"))


def _refuse_confirming_parameters(call: Call) -> None:
    for name in ("mandate_data", "return_url"):
        if name in call.params:
            raise invalid(f"You can only give `{name}` together with `confirm=true`.", name)


def _check_secret(call: Call, intent: Record) -> None:
    if call.get("client_secret") != intent["client_secret"]:
        raise no_such("setup_intent", intent["id"], "client_secret")


def _choose(call: Call, intent: Record, method: Record) -> None:
    """Let ``method`` be the one that is set up, if that is allowed."""
    call.sandbox.store.change(
        intent, payment_method=method["id"], status="requires_confirmation", next_action=None
    )


def _changes(call: Call, intent: Record) -> Record:
    """What the parameters change directly on the intent."""
    changes = call.only("customer", "description", "usage")
    if "metadata" in call.params:
        changes["metadata"] = merged_metadata(intent["metadata"], call.params["metadata"])
    if call.get("payment_method", intent["payment_method"]) is None and intent["payment_method"]:
        changes |= {"payment_method": None, "status": "requires_payment_method"}
    if "return_url" in call.params:
        changes["_return_url"] = call.params["return_url"]
    return changes


def _blank(call: Call) -> Record:
    return {
        "application": None,
        "automatic_payment_methods": _automatic(call),
        "cancellation_reason": None,
        "client_secret": None,
        "customer": None,
        "description": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
        "_return_url": None,
    }


def _automatic(call: Call) -> Record | None:
    """Which methods may be saved is decided by the dashboard's settings unless the caller lists them."""
    if "allowed_payment_method_types" in call.params:
        return None
    given = call.get("automatic_payment_methods", {"enabled": True})
    return {"allow_redirects": "always"} | given if given["enabled"] else None


def _unexpected_state(message: str, intent: Record) -> StripeError:
    return refused(message, "setup_intent_unexpected_state", setup_intent=shown(intent))
