"""What is done to payments, transfers and payouts by hand, and what banks do to them."""

from stripe_sandbox.money import payouts, reversals, topups
from stripe_sandbox.payments import confirmation, dispute_course, early_fraud_warnings, refunds, setting_up
from stripe_sandbox.payments.dispute_record import INQUIRIES, OPEN, Case
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


def authenticate(sandbox: Sandbox, intent: Record, *, succeed: bool) -> Record:
    """The customer passes or fails the authentication that a payment waits for."""
    if intent["status"] != "requires_action":
        raise ValueError(f"{intent['id']} does not wait for authentication: it has the status {intent['status']}.")
    confirmation.authenticate(sandbox, intent, succeed=succeed)
    return intent


def authenticate_setup(sandbox: Sandbox, intent: Record, *, succeed: bool) -> Record:
    """The customer passes or fails the authentication that saving a card waits for."""
    if intent["status"] != "requires_action":
        raise ValueError(f"{intent['id']} does not wait for authentication: it has the status {intent['status']}.")
    setting_up.authenticate(sandbox, intent, succeed=succeed)
    return intent


def refund(sandbox: Sandbox, charge: Record, amount: int | None) -> Record:
    """Give back ``amount``, or all that is left of a charge."""
    return refunds.give_back(sandbox, charge, amount)


def fail_refund(sandbox: Sandbox, refund: Record, reason: str) -> Record:
    """The card's bank does not take the money back, even if it seemed to have."""
    if refund["status"] not in ("pending", "succeeded"):
        raise ValueError(f"{refund['id']} is over already: it has the status {refund['status']}.")
    refunds.fail(sandbox, refund, reason)
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


def fail_topup(sandbox: Sandbox, topup: Record, code: str) -> Record:
    """The bank does not pay a top-up, or takes back what it had paid."""
    if topup["status"] not in (topups.PENDING, topups.SUCCEEDED):
        raise ValueError(f"{topup['id']} is over already: it has the status {topup['status']}.")
    topups.fail(sandbox, topup, code)
    return topup


def dispute(sandbox: Sandbox, charge: Record, amount: int | None, reason: str, *, case: str) -> Record:
    """A person disputes ``amount`` of a charge, or all of it, at their bank."""
    if not charge["captured"]:
        raise ValueError(f"{charge['id']} was not paid, so nobody disputes it.")
    opened = dispute_course.open_dispute(sandbox, charge, amount, reason, Case(case))
    return dispute_course.view(sandbox, opened)


def decide_dispute(
    sandbox: Sandbox,
    dispute: Record,
    outcome: str,
    *,
    fee_returned: bool | None,
    reinstated: int | None,
    reinstated_first: bool,
) -> Record:
    """The bank decides: for the seller, with or without the fee or with a part of the money, or against."""
    if dispute["status"] not in OPEN:
        raise ValueError(f"{dispute['id']} is over already: it has the status {dispute['status']}.")
    if reinstated is not None and reinstated > dispute["amount"]:
        raise ValueError("More cannot come back than was withdrawn.")
    dispute_course.decide(
        sandbox,
        dispute,
        won=outcome == "won",
        fee_returned=fee_returned,
        reinstated_minor=reinstated,
        reinstated_first=reinstated_first,
    )
    return dispute_course.view(sandbox, dispute)


def escalate_inquiry(sandbox: Sandbox, dispute: Record) -> Record:
    """The bank makes a chargeback of its inquiry."""
    if dispute["status"] not in INQUIRIES:
        raise ValueError(f"{dispute['id']} is no open inquiry: it has the status {dispute['status']}.")
    dispute_course.escalate(sandbox, dispute)
    return dispute_course.view(sandbox, dispute)


def warn_of_fraud(sandbox: Sandbox, charge: Record, fraud_type: str) -> Record:
    """The card's bank reports a paid charge as fraudulent."""
    if not charge["paid"]:
        raise ValueError(f"{charge['id']} was not paid, so nobody warns of it.")
    return early_fraud_warnings.warn(sandbox, charge, fraud_type)
