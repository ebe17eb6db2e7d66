"""Capturing by hand: a payment that the bank has agreed to is taken, in full or in part, released, or lapses."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, refused
from stripe_sandbox.http.parameters import (
    Parameters,
    amount,
    anything,
    merged_metadata,
    metadata,
    not_simulated,
    text,
)
from stripe_sandbox.money.currencies import check_step
from stripe_sandbox.payments import charges
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.events import emit

CAPTURE = Parameters(
    optional={
        "amount_details": anything,
        "amount_to_capture": amount,
        "metadata": metadata,
        "statement_descriptor": text,
        "statement_descriptor_suffix": text,
        **dict.fromkeys(
            "application_fee_amount final_capture hooks payment_details transfer_data".split(), not_simulated
        ),
    }
)


def wait_for_capture(sandbox: Sandbox, intent: Record, charge: Record) -> None:
    """The bank has agreed; what was not captured when the agreement lapses is given up."""
    sandbox.store.change(intent, amount_capturable=intent["amount"], status="requires_capture")
    emit(sandbox, "charge.succeeded", charge)
    emit(sandbox, "payment_intent.amount_capturable_updated", intent)
    sandbox.later(sandbox.settings.authorization_lapses_after_seconds, "payment_intent.lapse", intent)


def capture(call: Call) -> Record:
    """Take the money, all of it or ``amount_to_capture``; the rest is released.

    Raises:
        StripeError: nothing waits to be captured, or more is asked for than was agreed.
    """
    intent = call.named("payment_intent", "intent")
    if intent["status"] != "requires_capture":
        raise refused(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only one "
            "with the status requires_capture may be captured.",
            "payment_intent_unexpected_state",
            payment_intent=shown(intent),
        )
    taken = call.get("amount_to_capture", intent["amount_capturable"])
    if taken > intent["amount_capturable"]:
        message = f"More was asked for ({taken}) than can be captured ({intent['amount_capturable']})."
        raise invalid(message, "amount_to_capture", "amount_too_large")
    check_step(taken, intent["currency"])
    if "metadata" in call.params:
        merged = merged_metadata(intent["metadata"], call.params["metadata"])
        call.sandbox.store.change(intent, metadata=merged)
    _take(call.sandbox, intent, taken)
    return intent


def release(sandbox: Sandbox, intent: Record, kind: str = "charge.refunded") -> None:
    """Let the bank's agreement go: the charge counts as refunded, no money moves."""
    charge = sandbox.store.get(intent["latest_charge"])
    assert charge is not None, "an intent that waits for capture has a charge"
    sandbox.store.change(intent, amount_capturable=0)
    sandbox.store.change(charge, amount_refunded=charge["amount"], refunded=True)
    emit(sandbox, kind, charge)


def lapse(sandbox: Sandbox, intent: Record) -> None:
    """The bank's agreement has lapsed: what was not captured by now never will be."""
    if intent["status"] == "requires_capture":
        release(sandbox, intent, "charge.expired")
        sandbox.store.change(intent, canceled_at=sandbox.now(), cancellation_reason="automatic", status="canceled")
        emit(sandbox, "payment_intent.canceled", intent)


def _take(sandbox: Sandbox, intent: Record, taken: int) -> None:
    charge = sandbox.store.get(intent["latest_charge"])
    assert charge is not None, "an intent that waits for capture has a charge"
    sandbox.store.change(charge, amount_captured=taken, amount_refunded=charge["amount"] - taken, captured=True)
    sandbox.store.change(intent, amount_capturable=0, amount_received=taken, status="succeeded")
    charges.settle(sandbox, charge)
    emit(sandbox, "charge.captured", charge)
    emit(sandbox, "payment_intent.succeeded", intent)
    charges.follow_up(sandbox, charge)
