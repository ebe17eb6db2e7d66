"""What Stripe says of refunds, by its events or asked: each is booked once, by its id, whoever made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.deposits import settle as deposits_settle
from jobsphere.deposits import store as deposits_store
from jobsphere.deposits.lifecycle import Deposit, DepositState
from jobsphere.ledger.accounts import wallet_available
from jobsphere.ledger.record import lock_balance
from jobsphere.refunds import lifecycle, store
from jobsphere.refunds.lifecycle import Refund, RefundState
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused
from jobsphere.stripe_gateway.objects import PaymentIntent
from jobsphere.stripe_gateway.objects import Refund as Report

_UNKNOWN = "resource_missing"


class RefundBeforeDeposit(Exception):
    """Stripe tells of a refund of a payment that it does not call paid: try again when it does."""


class UnexpectedRefund(Exception):
    """Stripe's refund is of another amount or currency than ours: a person must look whose money moved."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment and all its refunds, as Stripe has them now."""

    intent: PaymentIntent
    refunds: Sequence[Report]


async def look(gateway: StripeGateway, payment_intent_id: str) -> Seen | None:
    """Ask Stripe; None when it knows no such payment.

    All refunds of a payment are asked for, so that one event tells of those whose events were lost.
    """
    try:
        intent = await gateway.retrieve_payment_intent(payment_intent_id)
        return Seen(intent, await gateway.list_refunds(payment_intent_id))
    except Refused as refusal:
        if refusal.code != _UNKNOWN:
            raise
        return None


async def refunds_seen(connection: AsyncConnection, seen: Seen, *, ids: Ids, now: datetime) -> bool:
    """Book what is new of it. False when the payment is not of a deposit of ours.

    Raises:
        RefundBeforeDeposit: the payment is not paid yet.
        UnexpectedRefund, UnexpectedAmount: the amounts are not ours.
        OutcomeUnknown: it must wait for a refund of ours whose answer is not there yet.
    """
    # The refund may be told before the payment.
    if seen.intent.status == "succeeded":
        await deposits_settle.payment_succeeded(connection, seen.intent, now=now)
    deposit = await deposits_store.lock_by_payment_intent(connection, seen.intent.id)
    if deposit is None:
        return False
    if seen.refunds and deposit.state is not DepositState.SUCCEEDED:
        raise RefundBeforeDeposit(f"deposit {deposit.id}")
    # What failed gives back first, so that what came after it finds the money.
    for report in sorted(seen.refunds, key=lambda one: one.status not in ("failed", "canceled")):
        await _apply(connection, deposit, report, ids.new(), now)
    return True


async def _apply(
    connection: AsyncConnection, deposit: Deposit, report: Report, new_id: UUID, now: datetime
) -> None:
    ours = await store.by_stripe_id(connection, report.id)
    if ours is None and (named := _named(report)) is not None:
        ours = await store.unsent(connection, named, deposit.id)
    if ours is not None:
        if report.amount != ours.amount:
            raise UnexpectedRefund(f"refund {ours.id}")
        await store.save(connection, ours, lifecycle.reported(ours, report), now=now)
        return
    account = wallet_available(deposit.wallet_id, report.amount.currency)
    if report.amount.currency != deposit.amount.currency:
        raise UnexpectedRefund(f"deposit {deposit.id}")
    await _require_room(connection, deposit, report)
    step = lifecycle.found(_new(new_id, deposit, report, now), report, await lock_balance(connection, account))
    await store.add(connection, step, actor_id=None, next_try_at=None, now=now)


async def _require_room(connection: AsyncConnection, deposit: Deposit, report: Report) -> None:
    """One of ours may ask Stripe for money that this one took first: Stripe will refuse ours, and then it is over.

    Raises:
        OutcomeUnknown: that has not happened yet; however long Stripe is out of reach, this one waits for it.
    """
    left = deposit.amount - await store.refunded_of(connection, deposit)
    if lifecycle.takes_money(report) and report.amount > left:
        raise OutcomeUnknown("refund", f"another one of deposit {deposit.id} is under way")


def _named(report: Report) -> UUID | None:
    """The refund of ours that it was made for, as its metadata say."""
    try:
        return UUID(report.metadata.get("refund_id", ""))
    except ValueError:
        return None


def _new(new_id: UUID, deposit: Deposit, report: Report, now: datetime) -> Refund:
    assert deposit.payment_intent_id is not None, "it was found by it"
    return Refund(
        id=new_id,
        deposit_id=deposit.id,
        user_id=deposit.user_id,
        wallet_id=deposit.wallet_id,
        payment_intent_id=deposit.payment_intent_id,
        amount=report.amount,
        state=RefundState.PENDING,
        created_at=now,
    )
