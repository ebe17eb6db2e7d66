"""Refunds: money given back to a card, at once, later, or failing after it seemed done."""

from stripe_sandbox.books import CARDS
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, refused
from stripe_sandbox.http.lists import dated_list_parameters, list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    amount,
    currency,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.money.balance import available_minor
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.money.currencies import check_step
from stripe_sandbox.payments import early_fraud_warnings
from stripe_sandbox.payments.cards import RefundCourse
from stripe_sandbox.payments.payment_methods import card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.events import emit

CREATE = Parameters(
    optional={
        "amount": amount,
        "charge": text,
        "currency": currency,
        "instructions_email": text,
        "metadata": metadata,
        "payment_intent": text,
        "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
        "refund_application_fee": not_simulated,
        "reverse_transfer": not_simulated,
        "customer": not_simulated,
        "origin": not_simulated,
    }
)
FAILURE_REASONS = (
    "charge_for_pending_refund_disputed declined expired_or_canceled_card insufficient_funds "
    "lost_or_stolen_card merchant_request unknown"
).split()
UPDATE = Parameters(optional={"metadata": metadata})
CANCEL = Parameters()
LIST_OF_CHARGE = list_parameters()
LIST = dated_list_parameters(charge=text, payment_intent=text)


def create(call: Call) -> Record:
    """Give back all or part of a charge, named by itself or by its payment intent."""
    charge = _charge(call)
    if call.get("currency", charge["currency"]) != charge["currency"]:
        raise invalid(f"A refund is in the currency of its charge ({charge['currency']}).", "currency")
    return give_back(
        call.sandbox,
        charge,
        call.get("amount"),
        reason=call.get("reason"),
        given_metadata=merged_metadata({}, call.get("metadata", {})),
    )


def give_back(
    sandbox: Sandbox,
    charge: Record,
    amount_minor: int | None,
    *,
    reason: str | None = None,
    given_metadata: dict[str, str] | None = None,
) -> Record:
    """Refund ``amount_minor``, or all that is left of the charge when it is None.

    Raises:
        StripeError: nothing was paid, nothing is left, or less is left than asked for.
    """
    asked = _checked(sandbox, charge, amount_minor)
    refund = sandbox.add(
        "refund",
        "re",
        charge["_account"],
        amount=asked,
        balance_transaction=None,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={"card": {"type": "refund"}, "type": "card"},
        metadata=given_metadata or {},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        pending_reason=None,
        reason=reason,
        receipt_number=None,
        source_transfer_reversal=None,
        status="pending",
        transfer_reversal=None,
    )
    _count_refunded(sandbox, charge, asked)
    if reason == "fraudulent":
        sandbox.store.change(charge, fraud_details={"user_report": "fraudulent"})
    _take_from_balance(sandbox, refund, charge)
    emit(sandbox, "refund.created", refund)
    emit(sandbox, "charge.refunded", charge)
    if charge["refunded"]:
        early_fraud_warnings.act_upon(sandbox, charge)
    return refund


def fund(sandbox: Sandbox, refund: Record) -> None:
    """Try again to pay for a refund that the balance did not cover."""
    charge = sandbox.store.get(refund["charge"])
    if refund["status"] != "pending" or refund["balance_transaction"] or charge is None:
        return
    before = shown(refund)
    _take_from_balance(sandbox, refund, charge)
    if shown(refund) != before:
        _emit_update(sandbox, refund, before)


def settle(sandbox: Sandbox, refund: Record) -> None:
    """A refund that was pending on purpose succeeds."""
    if refund["status"] == "pending":
        before = shown(refund)
        sandbox.store.change(refund, status="succeeded", pending_reason=None)
        _emit_update(sandbox, refund, before)


def fail_pending(sandbox: Sandbox, charge: Record, reason: str) -> None:
    """Give up the refunds of a charge that are still pending."""
    where = {"charge": charge["id"], "status": "pending"}
    for refund in list(sandbox.store.newest_first("refund", charge["_account"], where)):
        fail(sandbox, refund, reason)


def fail(sandbox: Sandbox, refund: Record, reason: str = "expired_or_canceled_card") -> None:
    """The card's bank did not take the money back: what had left the balance returns, even if it seemed done."""
    charge = sandbox.store.get(refund["charge"])
    if refund["status"] not in ("pending", "succeeded") or charge is None:
        return
    before = shown(refund)
    changes = {"failure_reason": reason}
    if refund["balance_transaction"]:
        entry = enter(sandbox, refund["_account"], "refund_failure", refund["amount"], refund, CARDS)
        changes["failure_balance_transaction"] = entry["id"]
    sandbox.store.change(refund, status="failed", pending_reason=None, **changes)
    _emit_update(sandbox, refund, before)
    emit(sandbox, "refund.failed", refund)
    previous = _count_refunded(sandbox, charge, -refund["amount"])
    emit(sandbox, "charge.updated", charge, previous)


def retrieve(call: Call) -> Record:
    """One refund."""
    return call.named("refund", "refund", "id")


def update(call: Call) -> Record:
    """Change a refund's metadata."""
    refund = call.named("refund", "refund", "id")
    merged = merged_metadata(refund["metadata"], call.get("metadata", {}))
    previous = call.sandbox.store.change(refund, metadata=merged)
    if previous:
        emit(call.sandbox, "refund.updated", refund, previous)
    return refund


def cancel(call: Call) -> Record:
    """Refuse, as Stripe does for all refunds to cards: only those that wait for the customer may be canceled."""
    refund = call.named("refund", "refund", "id")
    raise refused(f"Canceling this refund is unsupported; it has the status {refund['status']}.")


def list_of_charge(call: Call) -> Record:
    """The refunds of one charge, newest first."""
    charge = call.named("charge", "charge")
    return page(call, "refund", f"/v1/charges/{charge['id']}/refunds", {"charge": charge["id"]})


def list_refunds(call: Call) -> Record:
    """Refunds, newest first."""
    where = call.only("charge", "payment_intent")
    return page(call, "refund", "/v1/refunds", where)


def _charge(call: Call) -> Record:
    charge = call.given("charge", "charge")
    intent = call.given("payment_intent", "payment_intent")
    if charge and intent and charge["payment_intent"] != intent["id"]:
        message = f"The charge {charge['id']} is not of the PaymentIntent {intent['id']}."
        raise invalid(message, "payment_intent")
    if charge:
        return charge
    if intent is None:
        raise invalid("Give one of `charge` and `payment_intent`.", "charge", "parameter_missing")
    if intent["status"] != "succeeded":
        raise refused(f"The PaymentIntent {intent['id']} has no successful charge to refund.")
    return call.find("charge", intent["latest_charge"], "payment_intent", 400)


def _checked(sandbox: Sandbox, charge: Record, amount_minor: int | None) -> int:
    left = charge["amount"] - charge["amount_refunded"]
    if not charge["paid"]:
        raise refused(f"Charge {charge['id']} was not paid, so it cannot be refunded.")
    if not charge["captured"]:
        raise refused(f"Charge {charge['id']} was not captured; cancel its PaymentIntent instead.")
    if _is_charged_back(sandbox, charge):
        raise refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    if left == 0:
        raise refused(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if amount_minor is not None and amount_minor > left:
        message = f"The refund's amount ({amount_minor}) is greater than what is left of the charge ({left})."
        raise refused(message, param="amount")
    asked = left if amount_minor is None else amount_minor
    check_step(asked, charge["currency"])
    return asked


def _is_charged_back(sandbox: Sandbox, charge: Record) -> bool:
    """Whether a bank has taken the money: not by an inquiry, and no longer once the dispute is won."""
    disputes = sandbox.store.newest_first("dispute", charge["_account"], {"charge": charge["id"]})
    return any(not dispute["is_charge_refundable"] for dispute in disputes)


def _take_from_balance(sandbox: Sandbox, refund: Record, charge: Record) -> None:
    """Pay for the refund from where the charge's money is; without enough of it, wait and try again."""
    paid_in = sandbox.store.get(charge["balance_transaction"] or "")
    if paid_in is None:
        _wait(sandbox, refund, "charge_pending", max(1, sandbox.settings.charge_settles_after_seconds))
        return
    still_pending = paid_in["status"] == "pending"
    covered = available_minor(sandbox, refund["_account"], refund["currency"]) >= refund["amount"]
    if not (still_pending or covered):
        _wait(sandbox, refund, "insufficient_funds", sandbox.settings.unfunded_refund_retried_after_seconds)
        return
    available_on = paid_in["available_on"] if still_pending else None
    entry = enter(
        sandbox, refund["_account"], "refund", -refund["amount"], refund, CARDS, available_on=available_on
    )
    sandbox.store.change(refund, balance_transaction=entry["id"], **_course(sandbox, refund, charge))


def _wait(sandbox: Sandbox, refund: Record, reason: str, seconds: int) -> None:
    sandbox.store.change(refund, status="pending", pending_reason=reason)
    sandbox.later(seconds, "refund.fund", refund)


def _course(sandbox: Sandbox, refund: Record, charge: Record) -> Record:
    """The status to begin with, and what follows later with the cards made for that."""
    method = sandbox.store.get(charge["payment_method"])
    course = card_of(method).refunds if method else RefundCourse.SUCCEEDS
    if course is RefundCourse.PENDING_FIRST:
        sandbox.later(sandbox.settings.pending_refund_settles_after_seconds, "refund.settle", refund)
        return {"status": "pending", "pending_reason": "processing"}
    if course is RefundCourse.FAILS_LATER:
        sandbox.later(sandbox.settings.failing_refund_fails_after_seconds, "refund.fail", refund)
    return {"status": "succeeded", "pending_reason": None}


def _count_refunded(sandbox: Sandbox, charge: Record, amount_minor: int) -> Record:
    refunded_minor = charge["amount_refunded"] + amount_minor
    return sandbox.store.change(
        charge, amount_refunded=refunded_minor, refunded=refunded_minor == charge["amount"]
    )


def _emit_update(sandbox: Sandbox, refund: Record, before: Record) -> None:
    now = shown(refund)
    previous = {name: before.get(name) for name in now if now[name] != before.get(name)}
    emit(sandbox, "refund.updated", refund, previous)
    emit(sandbox, "charge.refund.updated", refund, previous)
