"""Asking the customer to authenticate (3D Secure), for a payment and for a card that is saved."""

from stripe_sandbox.http.errors import StripeError, refused
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, snapshot
from stripe_sandbox.webhooks.events import emit

NAMES = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


def check_way_back(intent: Record) -> None:
    """Refuse to confirm an intent that may redirect the customer and does not say where to come back to."""
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and not intent["_return_url"]:
        raise refused(
            f"This {NAMES[intent['object']]} may be used with methods that redirect the customer, so confirming "
            "it needs a `return_url`; or create it with `automatic_payment_methods[allow_redirects]=never`."
        )


def ask(sandbox: Sandbox, intent: Record, *, use_sdk: bool) -> Record:
    """Let an intent wait for the customer, on the sandbox's page of the bank."""
    page = f"{sandbox.base_url}/_sandbox/pages/authentication/{intent['id']}"
    if intent["_return_url"] and not use_sdk:
        action: Record = {
            "redirect_to_url": {"return_url": intent["_return_url"], "url": page},
            "type": "redirect_to_url",
        }
    else:
        action = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"stripe_js": page, "type": "three_d_secure_redirect"},
        }
    sandbox.store.change(intent, next_action=action, status="requires_action")
    emit(sandbox, f"{intent['object']}.requires_action", intent)
    return intent


def failure(intent: Record, method: Record) -> StripeError:
    """What the intent says after the customer failed to authenticate."""
    return StripeError(
        402,
        "We are unable to authenticate your payment method. Choose another one and try again.",
        code=f"{intent['object']}_authentication_failure",
        payment_method=snapshot(method),
    )
