"""What happens to disputes: a bank takes a payment back or asks about it, and decides once it was answered.

The rules are those of docs.stripe.com/disputes and of recorded disputes; the README says where they were unsure.
"""

from stripe_sandbox.books import CARDS
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.payments import charges, early_fraud_warnings, refunds
from stripe_sandbox.payments.dispute_record import (
    AWAITING_EVIDENCE,
    ESCALATING,
    INQUIRIES,
    LOSING,
    LOST,
    NEEDS_RESPONSE,
    OPEN,
    PREVENTED,
    WARNING_CLOSED,
    WINNING,
    WON,
    Case,
    due_by,
    new_fields,
)
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, snapshot
from stripe_sandbox.webhooks.events import emit


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
        "dispute", "du", charge["_account"], **new_fields(sandbox, charge, amount_minor, reason, case)
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
    details = dispute["evidence_details"] | {"due_by": due_by(sandbox), "past_due": False}
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


def _charge(sandbox: Sandbox, dispute: Record) -> Record:
    charge = sandbox.store.get(dispute["charge"])
    assert charge is not None, "charges are never removed"
    return charge
