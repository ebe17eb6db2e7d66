"""A refund for the tests of its rules: every deed and report by name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from jobsphere.ledger.accounts import refund_in_transit, stripe_balance, wallet_available
from jobsphere.money import Money
from jobsphere.refunds import lifecycle, reasons
from jobsphere.refunds.lifecycle import Refund, RefundState, Step
from jobsphere.stripe_gateway.objects import Refund as Report

AMOUNT = Money(5_000, "usd")
REFUND = Refund(
    id=UUID(int=1),
    deposit_id=UUID(int=2),
    user_id=UUID(int=3),
    wallet_id=UUID(int=4),
    payment_intent_id="pi_1",
    amount=AMOUNT,
    state=RefundState.REQUESTED,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    requested_by=UUID(int=3),
)
WALLET = wallet_available(REFUND.wallet_id, "usd")
IN_TRANSIT = refund_in_transit(REFUND.id, "usd")
STRIPE = stripe_balance("usd")


def report(status: str, *, is_taken: bool = True) -> Report:
    """What Stripe says of it."""
    why = "expired_or_canceled_card" if status == "failed" else None
    return Report("re_1", status, AMOUNT, "ch_1", "pi_1", is_taken=is_taken, failure_reason=why)


Rule = Callable[[Refund], Step]
RULES: dict[str, Rule] = {
    "begin_sending": lifecycle.begin_sending,
    "try_again": lifecycle.try_again,
    "refused": lambda refund: lifecycle.refused(refund, reasons.refusal("charge_disputed")),
    "waits_for_money": lambda refund: lifecycle.reported(refund, report("pending", is_taken=False)),
    "pending": lambda refund: lifecycle.reported(refund, report("pending")),
    "requires_action": lambda refund: lifecycle.reported(refund, report("requires_action")),
    "succeeded": lambda refund: lifecycle.reported(refund, report("succeeded")),
    "failed": lambda refund: lifecycle.reported(refund, report("failed")),
    "canceled": lambda refund: lifecycle.reported(refund, report("canceled")),
}


def in_state(state: str, *, is_taken: bool) -> Refund:
    """As it is when it got there by the shortest way."""
    made = state in ("pending", "succeeded", "failed")
    return replace(REFUND, state=RefundState(state), is_taken=is_taken, stripe_refund_id="re_1" if made else None)
