"""What is done to payments, transfers and payouts by hand, and what banks do to them."""

from stripe_sandbox.money import payouts, reversals
from stripe_sandbox.payments import confirmation, refunds
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


def authenticate(sandbox: Sandbox, intent: Record, *, succeed: bool) -> Record:
    """The customer passes or fails the authentication that a payment waits for."""
    if intent["status"] != "requires_action":
        raise ValueError(f"{intent['id']} does not wait for authentication: it has the status {intent['status']}.")
    confirmation.authenticate(sandbox, intent, succeed=succeed)
    return intent


def refund(sandbox: Sandbox, charge: Record, amount: int | None) -> Record:
    """Give back ``amount``, or all that is left of a charge."""
    return refunds.give_back(sandbox, charge, amount)


def fail_refund(sandbox: Sandbox, refund: Record) -> Record:
    """The card's bank does not take the money back, even if it seemed to have."""
    if refund["status"] not in ("pending", "succeeded"):
        raise ValueError(f"{refund['id']} is over already: it has the status {refund['status']}.")
    refunds.fail(sandbox, refund)
    return refund


def reverse_transfer(sandbox: Sandbox, transfer: Record, amount: int | None) -> Record:
    """Bring back ``amount``, or all that is left of a transfer."""
    return reversals.bring_back(sandbox, transfer, amount)


def cancel_payout(sandbox: Sandbox, payout: Record) -> Record:
    """Take back a payout that was not handed to the bank yet."""
    return payouts.take_back(sandbox, payout)


def fail_payout(sandbox: Sandbox, payout: Record, code: str) -> Record:
    """The bank returns a payout, also one that counts as paid."""
    if payout["status"] in ("failed", "canceled"):
        raise ValueError(f"{payout['id']} is over already: it has the status {payout['status']}.")
    payouts.fail(sandbox, payout, code)
    return payout
