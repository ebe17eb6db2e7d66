"""Confirming a payment intent: authentication where the card wants it, then the charge or the decline."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, refused
from stripe_sandbox.payments import authentication, capture, cards, charges
from stripe_sandbox.payments.cards import Decline
from stripe_sandbox.payments.given_cards import declined
from stripe_sandbox.payments.payment_methods import attach_to, card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown, snapshot
from stripe_sandbox.webhooks.events import emit


def confirm(call: Call, intent: Record) -> Record:
    """Try to take the money, or ask the customer to authenticate first.

    Raises:
        StripeError: 402 when the card is declined; 400 when there is no payment method or no way back
            from a redirect.
    """
    sandbox = call.sandbox
    method = _method(sandbox, intent)
    authentication.check_way_back(intent)
    off_session = call.get("off_session", False)
    if not card_of(method).must_authenticate(off_session=off_session, set_up=method.get("_set_up", False)):
        return _charge(sandbox, intent, method, authenticated=False)
    if off_session or call.get("error_on_requires_action"):
        raise _decline(sandbox, intent, method, cards.AUTHENTICATION_REQUIRED)
    return authentication.ask(sandbox, intent, use_sdk=call.get("use_stripe_sdk", False))


def authenticate(sandbox: Sandbox, intent: Record, *, succeed: bool) -> None:
    """The customer passed or failed the card's authentication; the charge or the failure follows."""
    method = _method(sandbox, intent)
    if not succeed:
        _fail_authentication(sandbox, intent, method)
        return
    try:
        _charge(sandbox, intent, method, authenticated=True)
    except StripeError:
        # The browser learns of the decline from the intent; there is no request to answer with a 402.
        return


def _method(sandbox: Sandbox, intent: Record) -> Record:
    method = sandbox.store.get(intent["payment_method"] or "")
    if method is None:
        raise refused(
            "You cannot confirm this PaymentIntent because it has no payment method. Give one with the request, "
            "or update the PaymentIntent with one first.",
            "payment_intent_unexpected_state",
            payment_intent=shown(intent),
        )
    return method


def _charge(sandbox: Sandbox, intent: Record, method: Record, *, authenticated: bool) -> Record:
    card = card_of(method)
    if card.decline:
        raise _decline(sandbox, intent, method, card.decline)
    manual = intent["capture_method"] == "manual"
    charge = charges.succeed(sandbox, intent, method, authenticated=authenticated, captured=not manual)
    sandbox.store.change(intent, last_payment_error=None, latest_charge=charge["id"], next_action=None)
    sandbox.store.change(method, _used=True)
    if intent["setup_future_usage"] and intent["customer"]:
        sandbox.store.change(method, _set_up=True)
        attach_to(sandbox, method, intent["customer"])
    if manual:
        capture.wait_for_capture(sandbox, intent, charge)
    else:
        _succeed(sandbox, intent, charge)
    return intent


def _succeed(sandbox: Sandbox, intent: Record, charge: Record) -> None:
    sandbox.store.change(intent, amount_received=intent["amount"], status="succeeded")
    if intent["capture_method"] == "automatic":
        charges.settle(sandbox, charge)
    emit(sandbox, "charge.succeeded", charge)
    emit(sandbox, "payment_intent.succeeded", intent)
    charges.follow_up(sandbox, charge)


def _decline(sandbox: Sandbox, intent: Record, method: Record, decline: Decline) -> StripeError:
    """Record the failed attempt; the intent waits for another payment method. Returns the 402."""
    charge = charges.fail(sandbox, intent, method, decline)
    error = declined(decline, charge=charge["id"], payment_method=snapshot(method))
    _wait_for_another_method(sandbox, intent, dict(error.body), charge["id"])
    error.body["payment_intent"] = shown(intent)
    return error


def _fail_authentication(sandbox: Sandbox, intent: Record, method: Record) -> None:
    error = authentication.failure(intent, method)
    _wait_for_another_method(sandbox, intent, error.body, intent["latest_charge"])


def _wait_for_another_method(sandbox: Sandbox, intent: Record, error: Record, charge: str | None) -> None:
    sandbox.store.change(
        intent,
        last_payment_error=error,
        latest_charge=charge,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    emit(sandbox, "payment_intent.payment_failed", intent)
