"""What follows a payment with the cards made for that: disputes, an inquiry, a warning."""

from stripe_sandbox.payments.cards import Aftermath
from stripe_sandbox.payments.dispute_course import open_dispute
from stripe_sandbox.payments.dispute_record import Case
from stripe_sandbox.payments.early_fraud_warnings import warn
from stripe_sandbox.payments.payment_methods import card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


def follow(sandbox: Sandbox, charge: Record) -> None:
    """Let happen what the charge's card is made for."""
    method = sandbox.store.get(charge["payment_method"])
    assert method is not None, "a charge is made with a payment method, and none is ever removed"
    match card_of(method).aftermath:
        case Aftermath.FRAUD_DISPUTE:
            open_dispute(sandbox, charge)
        case Aftermath.NOT_RECEIVED_DISPUTE:
            open_dispute(sandbox, charge, reason="product_not_received")
        case Aftermath.INQUIRY:
            open_dispute(sandbox, charge, reason="general", case=Case.INQUIRY)
        case Aftermath.SEVERAL_DISPUTES:
            half = charge["amount_captured"] // 2
            open_dispute(sandbox, charge, half)
            open_dispute(sandbox, charge, charge["amount_captured"] - half)
        case Aftermath.FRAUD_WARNING:
            warn(sandbox, charge)
