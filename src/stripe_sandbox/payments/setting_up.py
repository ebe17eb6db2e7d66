"""Confirming a setup intent: the bank agrees to later payments, asks for authentication, or refuses."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, refused
from stripe_sandbox.payments import authentication
from stripe_sandbox.payments.given_cards import declined
from stripe_sandbox.payments.payment_methods import attach_to, card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown, snapshot
from stripe_sandbox.webhooks.events import emit


def confirm(call: Call, intent: Record) -> Record:
    """Set the payment method up, or ask the customer to authenticate first.

    Raises:
        StripeError: 402 when the bank refuses; 400 when there is no payment method or no way back.
    """
    method = _method(call.sandbox, intent)
    authentication.check_way_back(intent)
    attempt = _attempt(call.sandbox, intent, method)
    call.sandbox.store.change(intent, latest_attempt=attempt["id"], last_setup_error=None)
    card = card_of(method)
    if card.decline and not card.may_be_saved:
        raise _refuse(call.sandbox, intent, method, declined(card.decline, payment_method=snapshot(method)))
    if card.must_authenticate(off_session=False, set_up=False) and not card.is_set_up:
        call.sandbox.store.change(attempt, status="requires_action")
        return authentication.ask(call.sandbox, intent, use_sdk=call.get("use_stripe_sdk", False))
    return _succeed(call.sandbox, intent, method)


def authenticate(sandbox: Sandbox, intent: Record, *, succeed: bool) -> None:
    """The customer passed or failed the card's authentication."""
    method = _method(sandbox, intent)
    if succeed:
        _succeed(sandbox, intent, method)
    else:
        _refuse(sandbox, intent, method, authentication.failure(intent, method))


def _method(sandbox: Sandbox, intent: Record) -> Record:
    method = sandbox.store.get(intent["payment_method"] or "")
    if method is None:
        raise refused(
            "You cannot confirm this SetupIntent because it has no payment method. Give one with the request, "
            "or update the SetupIntent with one first.",
            "setup_intent_unexpected_state",
            setup_intent=shown(intent),
        )
    return method


def _succeed(sandbox: Sandbox, intent: Record, method: Record) -> Record:
    _end_attempt(sandbox, intent, status="succeeded")
    sandbox.store.change(method, _set_up=True)
    sandbox.store.change(intent, next_action=None, status="succeeded")
    if intent["customer"]:
        attach_to(sandbox, method, intent["customer"])
    emit(sandbox, "setup_intent.succeeded", intent)
    return intent


def _refuse(sandbox: Sandbox, intent: Record, method: Record, error: StripeError) -> StripeError:
    """Record the failed attempt; the intent waits for another payment method. Returns the refusal."""
    body = dict(error.body)
    _end_attempt(sandbox, intent, status="failed", setup_error=body)
    sandbox.store.change(
        intent, last_setup_error=body, next_action=None, payment_method=None, status="requires_payment_method"
    )
    emit(sandbox, "setup_intent.setup_failed", intent)
    error.body["setup_intent"] = shown(intent)
    return error


def _attempt(sandbox: Sandbox, intent: Record, method: Record) -> Record:
    card = method["card"]
    kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    details = {name: card[name] for name in kept} | {"network": card["brand"], "three_d_secure": None}
    return sandbox.add(
        "setup_attempt",
        "setatt",
        intent["_account"],
        application=None,
        customer=intent["customer"],
        flow_directions=None,
        livemode=False,
        on_behalf_of=None,
        payment_method=method["id"],
        payment_method_details={"card": details, "type": "card"},
        setup_error=None,
        setup_intent=intent["id"],
        status="processing",
        usage=intent["usage"],
    )


def _end_attempt(sandbox: Sandbox, intent: Record, **changes: object) -> None:
    attempt = sandbox.store.get(intent["latest_attempt"])
    assert attempt is not None, "an intent that is confirmed has an attempt"
    sandbox.store.change(attempt, **changes)
