"""What happens to disputes: a bank takes a payment back or asks about it, and decides once it was answered.

The rules are those of docs.stripe.com/disputes and of recorded disputes; the README says where they were unsure.
"""

from enum import StrEnum

from stripe_sandbox.books import CARDS
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.payments import charges, early_fraud_warnings, refunds
from stripe_sandbox.payments.payment_methods import card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import DAY
from stripe_sandbox.store import Record, snapshot
from stripe_sandbox.webhooks.events import emit

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


def open_dispute(
    sandbox: Sandbox,
    charge: Record,
    amount_minor: int | None = None,
    reason: str = "fraudulent",
    case: Case = Case.CHARGEBACK,
) -> Record:
    """A person disputes ``amount_minor`` of a paid charge, or all of it when that is None.

    The amount is the bank's: it may be less than the charge, or more, and refunds do not lower it.
    """
    dispute = sandbox.add(
        "dispute", "du", charge["_account"], **_blank(sandbox, charge, amount_minor, reason, case)
    )
    sandbox.store.change(charge, disputed=True, dispute=dispute["id"])
    early_fraud_warnings.act_upon(sandbox, charge)
    if case is not Case.INQUIRY:
        _withdraw(sandbox, dispute, charge)
    tell(sandbox, "charge.dispute.created", dispute)
    if case is Case.INQUIRY:
        sandbox.later(sandbox.settings.inquiry_closes_after_seconds, "dispute.close_inquiry", dispute)
    else:
        tell(sandbox, "charge.dispute.funds_withdrawn", dispute)
    _watch_deadline(sandbox, dispute)
    return dispute


def escalate(sandbox: Sandbox, dispute: Record) -> None:
    """An inquiry becomes a chargeback: now the money is withdrawn, and a new deadline runs.

    An inquiry about a charge that was refunded in full meanwhile is closed instead.
    """
    if dispute["status"] not in INQUIRIES:
        return
    charge = _charge(sandbox, dispute)
    if charge["refunded"]:
        _close(sandbox, dispute, WARNING_CLOSED, refundable=False)
        return
    before = snapshot(dispute)
    details = dispute["evidence_details"] | {"due_by": _due_by(sandbox), "past_due": False}
    kind = dispute["payment_method_details"]
    card = kind["card"] | {"case_type": Case.CHARGEBACK.value}
    sandbox.store.change(
        dispute,
        evidence_details=details,
        is_charge_refundable=False,
        payment_method_details=kind | {"card": card},
        status=NEEDS_RESPONSE,
    )
    _withdraw(sandbox, dispute, charge)
    tell_update(sandbox, dispute, before)
    tell(sandbox, "charge.dispute.funds_withdrawn", dispute)
    _watch_deadline(sandbox, dispute)


def submit(sandbox: Sandbox, dispute: Record) -> None:
    """The evidence goes to the bank, which decides later."""
    details = dispute["evidence_details"]
    sandbox.store.change(
        dispute,
        evidence_details=details | {"submission_count": details["submission_count"] + 1},
        status=AWAITING_EVIDENCE[dispute["status"]],
    )
    sandbox.later(sandbox.settings.dispute_reviewed_after_seconds, "dispute.review", dispute)


def review(sandbox: Sandbox, dispute: Record) -> None:
    """The bank has read the evidence: Stripe's magic words decide, any other evidence stays under review."""
    if dispute["status"] not in AWAITING_EVIDENCE.values():
        return
    words = (dispute["evidence"]["uncategorized_text"] or "").strip()
    if words == ESCALATING:
        escalate(sandbox, dispute)
    elif words in (WINNING, LOSING):
        decide(sandbox, dispute, won=words == WINNING)


def decide(
    sandbox: Sandbox,
    dispute: Record,
    *,
    won: bool,
    fee_returned: bool | None = None,
    reinstated_minor: int | None = None,
    reinstated_first: bool = False,
) -> None:
    """The bank decides an open dispute; an inquiry is closed either way.

    ``fee_returned`` overrides the setting of that name. ``reinstated_minor`` may be less than what was
    withdrawn: won in part. ``reinstated_first``: the money is told of before the dispute is closed, as was
    recorded, too.
    """
    if dispute["status"] in INQUIRIES:
        _close(sandbox, dispute, WARNING_CLOSED, refundable=True)
    elif dispute["status"] in OPEN and won:
        returned = sandbox.settings.dispute_fee_returned_when_won if fee_returned is None else fee_returned
        _reinstate(sandbox, dispute, dispute["amount"] if reinstated_minor is None else reinstated_minor, returned)
        if reinstated_first:
            tell(sandbox, "charge.dispute.funds_reinstated", dispute)
        _close(sandbox, dispute, WON, refundable=True)
        if not reinstated_first:
            tell(sandbox, "charge.dispute.funds_reinstated", dispute)
    elif dispute["status"] in OPEN:
        _close(sandbox, dispute, LOST, refundable=False)


def miss_deadline(sandbox: Sandbox, dispute: Record) -> None:
    """The deadline has passed: an unanswered chargeback is lost, an unanswered inquiry may still escalate."""
    late = dispute["status"] in AWAITING_EVIDENCE and sandbox.now() >= dispute["evidence_details"]["due_by"]
    if not late:
        return
    before = snapshot(dispute)
    sandbox.store.change(dispute, evidence_details=dispute["evidence_details"] | {"past_due": True})
    if dispute["status"] == NEEDS_RESPONSE:
        _close(sandbox, dispute, LOST, refundable=False)
    else:
        tell_update(sandbox, dispute, before)


def close_inquiry(sandbox: Sandbox, dispute: Record) -> None:
    """The time within which an inquiry can escalate is over."""
    if dispute["status"] in INQUIRIES:
        _close(sandbox, dispute, WARNING_CLOSED, refundable=True)


def view(sandbox: Sandbox, dispute: Record) -> Record:
    """The dispute as Stripe shows it, with its balance transactions as they are now."""
    entries = [sandbox.store.get(entry["id"]) or entry for entry in dispute["balance_transactions"]]
    shown: Record = snapshot(dispute)
    return shown | {"balance_transactions": snapshot(entries)}


def tell(sandbox: Sandbox, kind: str, dispute: Record, previous: Record | None = None) -> None:
    """The event ``kind`` about a dispute."""
    emit(sandbox, kind, view(sandbox, dispute), previous, dispute["_account"])


def tell_update(sandbox: Sandbox, dispute: Record, before: Record) -> None:
    """``charge.dispute.updated``, if anything differs from the snapshot ``before``."""
    previous = {name: value for name, value in before.items() if dispute[name] != value}
    if previous:
        tell(sandbox, "charge.dispute.updated", dispute, previous)


def _close(sandbox: Sandbox, dispute: Record, status: str, *, refundable: bool) -> None:
    sandbox.store.change(dispute, is_charge_refundable=refundable, status=status)
    tell(sandbox, "charge.dispute.closed", dispute)


def _withdraw(sandbox: Sandbox, dispute: Record, charge: Record) -> None:
    """Take the money and the fee from where the charge's money is, even if that is not enough."""
    charges.settle_and_tell(sandbox, charge)
    refunds.fail_pending(sandbox, charge, "charge_for_pending_refund_disputed")
    paid_in = sandbox.store.get(charge["balance_transaction"])
    assert paid_in is not None, "it was entered just now, if not before"
    prevented = dispute["status"] == PREVENTED
    entry = enter(
        sandbox,
        dispute["_account"],
        "adjustment",
        -dispute["amount"],
        dispute,
        CARDS,
        fee_minor=0 if prevented else sandbox.settings.dispute_fee_minor,
        fee_description="Dispute fee",
        available_on=paid_in["available_on"] if paid_in["status"] == "pending" else None,
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    _attach(sandbox, dispute, entry)


def _reinstate(sandbox: Sandbox, dispute: Record, amount_minor: int, fee_returned: bool) -> None:
    entry = enter(
        sandbox,
        dispute["_account"],
        "adjustment",
        amount_minor,
        dispute,
        CARDS,
        fee_minor=-sandbox.settings.dispute_fee_minor if fee_returned else 0,
        fee_description="Dispute fee refund",
        description=f"Chargeback reversal for {dispute['charge']}",
        category="dispute_reversal",
    )
    _attach(sandbox, dispute, entry)


def _attach(sandbox: Sandbox, dispute: Record, entry: Record) -> None:
    sandbox.store.change(dispute, balance_transactions=[*dispute["balance_transactions"], snapshot(entry)])


def _watch_deadline(sandbox: Sandbox, dispute: Record) -> None:
    if dispute["status"] in AWAITING_EVIDENCE:
        sandbox.schedule.at(dispute["evidence_details"]["due_by"], "dispute.deadline", dispute["id"])


def _due_by(sandbox: Sandbox) -> int:
    """The last second of a day, as recorded."""
    moment = sandbox.now() + sandbox.settings.dispute_due_after_seconds
    return moment - moment % DAY + DAY - 1


def _charge(sandbox: Sandbox, dispute: Record) -> Record:
    charge = sandbox.store.get(dispute["charge"])
    assert charge is not None, "charges are never removed"
    return charge


def _blank(sandbox: Sandbox, charge: Record, amount_minor: int | None, reason: str, case: Case) -> Record:
    return {
        "amount": charge["amount_captured"] if amount_minor is None else amount_minor,
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(sorted(EVIDENCE_TEXTS + EVIDENCE_FILES)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None if case is Case.RESOLUTION else _due_by(sandbox),
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


def _card(sandbox: Sandbox, charge: Record, reason: str, case: Case) -> Record:
    method = sandbox.store.get(charge["payment_method"])
    assert method is not None, "a charge is made with a payment method, and none is ever removed"
    brand = card_of(method).brand
    code = _REASON_CODES.get(reason)
    return {"brand": brand, "case_type": case.value, "network": brand, "network_reason_code": code}
