"""A dispute as it begins: its states, cases, reasons and fields of evidence."""

from enum import StrEnum

from stripe_sandbox.payments.payment_methods import card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import DAY
from stripe_sandbox.store import Record

REASONS = (
    "bank_cannot_process check_returned credit_not_processed customer_initiated debit_not_authorized duplicate "
    "fraudulent general incorrect_account_details insufficient_funds noncompliant product_not_received "
    "product_unacceptable subscription_canceled unrecognized"
).split()

# The states of a dispute.
NEEDS_RESPONSE = "needs_response"  # the money is gone; evidence may be given until the deadline
UNDER_REVIEW = "under_review"  # evidence was submitted; the bank decides
WON = "won"  # final: the money came back
LOST = "lost"  # final: the money stays with the customer
PREVENTED = "prevented"  # final from the start: the customer got the money before it became a chargeback
WARNING_NEEDS_RESPONSE = "warning_needs_response"  # an inquiry: no money moved, an answer is awaited
WARNING_UNDER_REVIEW = "warning_under_review"  # an inquiry that was answered
WARNING_CLOSED = "warning_closed"  # final: an inquiry that never became a chargeback

AWAITING_EVIDENCE = {NEEDS_RESPONSE: UNDER_REVIEW, WARNING_NEEDS_RESPONSE: WARNING_UNDER_REVIEW}
INQUIRIES = (WARNING_NEEDS_RESPONSE, WARNING_UNDER_REVIEW)
OPEN = (NEEDS_RESPONSE, UNDER_REVIEW, *INQUIRIES)

WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"


class Case(StrEnum):
    """What a person and the bank begin with, as ``payment_method_details.card.case_type`` names it."""

    CHARGEBACK = "chargeback"  # the money is withdrawn, with a fee
    INQUIRY = "inquiry"  # a question; nothing is withdrawn unless it escalates
    RESOLUTION = "resolution"  # the money is given back at once, so that no chargeback follows; no fee


_FIRST_STATUS = {
    Case.CHARGEBACK: NEEDS_RESPONSE,
    Case.INQUIRY: WARNING_NEEDS_RESPONSE,
    Case.RESOLUTION: PREVENTED,
}
_REASON_CODES = {"fraudulent": "10.4", "product_not_received": "13.1", "general": "10"}
EVIDENCE_TEXTS = (
    "access_activity_log billing_address cancellation_policy_disclosure cancellation_rebuttal "
    "customer_email_address customer_name customer_purchase_ip duplicate_charge_explanation duplicate_charge_id "
    "product_description refund_policy_disclosure refund_refusal_explanation service_date shipping_address "
    "shipping_carrier shipping_date shipping_tracking_number uncategorized_text"
).split()
EVIDENCE_FILES = (
    "cancellation_policy customer_communication customer_signature duplicate_charge_documentation receipt "
    "refund_policy service_documentation shipping_documentation uncategorized_file"
).split()


def new_fields(sandbox: Sandbox, charge: Record, amount_minor: int | None, reason: str, case: Case) -> Record:
    """What a dispute begins with; ``amount_minor`` None stands for all that was captured."""
    return {
        "amount": charge["amount_captured"] if amount_minor is None else amount_minor,
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(sorted(EVIDENCE_TEXTS + EVIDENCE_FILES)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None if case is Case.RESOLUTION else due_by(sandbox),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "intended_submission_method": None,
        "is_charge_refundable": case is Case.INQUIRY,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": _card(sandbox, charge, reason, case), "type": "card"},
        "reason": reason,
        "status": _FIRST_STATUS[case],
    }


def due_by(sandbox: Sandbox) -> int:
    """When an answer is due that is asked for now: at the last second of a day, as recorded."""
    moment = sandbox.now() + sandbox.settings.dispute_due_after_seconds
    return moment - moment % DAY + DAY - 1


def _card(sandbox: Sandbox, charge: Record, reason: str, case: Case) -> Record:
    method = sandbox.store.get(charge["payment_method"])
    assert method is not None, "a charge is made with a payment method, and none is ever removed"
    brand = card_of(method).brand
    code = _REASON_CODES.get(reason)
    return {"brand": brand, "case_type": case.value, "network": brand, "network_reason_code": code}
