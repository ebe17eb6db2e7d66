"""Refunds as rows: read them, and save what a step of the life cycle says, all of it at once.

Whoever changes a refund holds the lock of its deposit, so that no two count the same money.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere import due
from jobsphere.audit.write import write as write_audit
from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.store import lock as lock_deposit
from jobsphere.deposits.tables import deposits
from jobsphere.ledger.posting import Verdict
from jobsphere.money import Money
from jobsphere.notifications.write import notify
from jobsphere.refunds.lifecycle import RETURNED, UNSENT, Refund, RefundState, Step
from jobsphere.refunds.tables import refunds
from jobsphere.stripe_gateway import calls
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import DebtOrigin, owe, record_and_repay
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import InsufficientFunds

TRY_GAP_SECONDS_MAX = 300


class RefundNotFound(Exception):
    """There is no such refund."""


async def find(connection: AsyncConnection, refund_id: UUID) -> Refund:
    """The refund with this id, unlocked."""
    return _required(await _one(connection, refunds.c.id == refund_id))


async def lock(connection: AsyncConnection, refund_id: UUID) -> Refund:
    """The refund, after its deposit; nobody else changes either until this database transaction ends."""
    deposit_id = await connection.scalar(select(refunds.c.deposit_id).where(refunds.c.id == refund_id))
    if deposit_id is None:
        raise RefundNotFound
    await lock_deposit(connection, deposit_id)
    return _required(await _one(connection, refunds.c.id == refund_id, lock=True))


async def by_stripe_id(connection: AsyncConnection, stripe_refund_id: str) -> Refund | None:
    """The refund that Stripe has under this id; the caller holds the lock of its deposit."""
    return await _one(connection, refunds.c.stripe_refund_id == stripe_refund_id, lock=True)


async def refunded_of(connection: AsyncConnection, deposit: Deposit) -> Money:
    """What of a deposit went back to its card or is on its way there, answered by Stripe or not."""
    minor = select(deposits.c.refunded_minor).where(deposits.c.id == deposit.id)
    return Money((await connection.execute(minor)).scalar_one(), deposit.amount.currency)


async def unsent(connection: AsyncConnection, refund_id: UUID, deposit_id: UUID) -> Refund | None:
    """The deposit's refund with this id, while Stripe's id of it is not known."""
    states = [state.value for state in UNSENT]
    theirs = (refunds.c.id == refund_id) & (refunds.c.deposit_id == deposit_id) & refunds.c.state.in_(states)
    return await _one(connection, theirs, lock=True)


async def refunds_of(
    connection: AsyncConnection, *, user_id: UUID | None = None, before: UUID | None = None, limit: int
) -> list[Refund]:
    """At most ``limit`` refunds of a person, or of everybody, newest first, older than the one ``before``."""
    c = refunds.c
    query = select(refunds)
    if user_id is not None:
        query = query.where(c.user_id == user_id)
    if before is not None:
        older = select(c.created_at, c.id).where(c.id == before)
        position = (await connection.execute(older)).one_or_none()
        if position is None:
            return []
        query = query.where(tuple_(c.created_at, c.id) < tuple_(*position))
    rows = await connection.execute(query.order_by(c.created_at.desc(), c.id.desc()).limit(limit))
    return [_refund(row) for row in rows]


async def add(
    connection: AsyncConnection, step: Step, *, actor_id: UUID | None, next_try_at: datetime | None, now: datetime
) -> Refund:
    """Store a refund that did not exist, with its entries, transaction, debt and notices.

    Raises:
        InsufficientFunds: the wallet does not hold the amount; the caller's work is to be rolled back.
    """
    refund = step.refund
    values = {**_values(refund), "requested_by": refund.requested_by, "next_try_at": next_try_at}
    await connection.execute(insert(refunds).values(**values))
    await transactions.write(connection, _transaction(refund))
    if refund.state not in RETURNED:
        await _count(connection, refund, refund.amount.amount_minor)
    await _record(connection, step, now)
    await _finish(connection, step, actor_id, now)
    return refund


async def save(connection: AsyncConnection, before: Refund, step: Step, *, now: datetime) -> Refund:
    """Store a step: the refund, its entries, its transaction, its notices and the audit row."""
    after = step.refund
    if after == before and not step.entries:
        return after
    changes = {name: value for name, value in _values(after).items() if name in _CHANGING}
    if after.state not in UNSENT:
        changes["next_try_at"] = None
    elif after.attempt != before.attempt:
        # Nobody works on the new attempt yet, so there is no lease to wait for.
        changes["next_try_at"] = now
    await connection.execute(update(refunds).where(refunds.c.id == after.id).values(**changes))
    if after.state in RETURNED and before.state not in RETURNED:
        await _count(connection, after, -after.amount.amount_minor)
    await _record(connection, step, now)
    if step.begins is not None:
        await calls.begin(connection, step.begins, now=now)
    await _finish(connection, step, None, now)
    return after


async def try_later(connection: AsyncConnection, refund: Refund, *, now: datetime) -> None:
    """The outcome of a call is unknown: go on after a gap that doubles each time."""
    gap = TRY_GAP_SECONDS_MAX
    await due.try_later(connection, refunds, refund.id, tries=refund.tries, gap_seconds_max=gap, now=now)


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[UUID]:
    """The ids of refunds to go on with; nobody else gets them until the lease is over."""
    rows = await due.claim(connection, refunds, refunds.c.id, now=now, lease_seconds=lease_seconds, limit=limit)
    return [row.id for row in rows]


async def _record(connection: AsyncConnection, step: Step, now: datetime) -> None:
    verdicts = await record_and_repay(connection, step.entries, now=now) if step.entries else []
    if Verdict.INSUFFICIENT_FUNDS in verdicts:
        raise InsufficientFunds
    if step.debt is not None:
        refund = step.refund
        [reference] = [entry.reference for entry in step.entries]
        origin = (DebtOrigin.REFUND, refund.id)
        await owe(connection, refund.wallet_id, step.debt, *origin, reference=reference, now=now)


async def _finish(connection: AsyncConnection, step: Step, actor_id: UUID | None, now: datetime) -> None:
    refund = step.refund
    if refund.state is RefundState.SUCCEEDED:
        await transactions.complete(connection, refund.id, now=now)
    elif step.failure is not None:
        await transactions.fail(connection, refund.id, reason=step.failure.sentence)
    await notify(connection, step.notices, now=now)
    await write_audit(
        connection,
        actor_id=actor_id,
        action=f"refund.{refund.state.value}",
        subject=f"refund:{refund.id}",
        now=now,
        details={"deposit_id": str(refund.deposit_id), "reason": refund.reason, **_amount(refund)},
    )


async def _count(connection: AsyncConnection, refund: Refund, minor: int) -> None:
    """PostgreSQL refuses more refunds of a deposit than was paid."""
    c = deposits.c
    counted = c.refunded_minor + minor
    await connection.execute(update(deposits).where(c.id == refund.deposit_id).values(refunded_minor=counted))


_CHANGING = frozenset({"state", "is_taken", "attempt", "stripe_refund_id", "reason", "tries"})


def _values(refund: Refund) -> dict[str, Any]:
    values = {**asdict(refund), "state": refund.state.value, **_amount(refund)}
    del values["amount"]
    return values


def _amount(refund: Refund) -> dict[str, Any]:
    return {"amount_minor": refund.amount.amount_minor, "currency": refund.amount.currency}


def _transaction(refund: Refund) -> Transaction:
    return Transaction(
        id=refund.id,
        type=TransactionType.REFUND,
        amount=refund.amount,
        from_wallet_id=refund.wallet_id,
        to_wallet_id=None,
        status=TransactionStatus.PENDING,
        description="Refund to your card",
        created_at=refund.created_at,
    )


async def _one(
    connection: AsyncConnection, condition: ColumnElement[bool], *, lock: bool = False
) -> Refund | None:
    query = select(refunds).where(condition)
    if lock:
        query = query.with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _refund(row)


def _required(refund: Refund | None) -> Refund:
    if refund is None:
        raise RefundNotFound
    return refund


def _refund(row: Row[Any]) -> Refund:
    facts = dict(row._mapping)
    del facts["next_try_at"]
    amount = Money(facts.pop("amount_minor"), facts.pop("currency"))
    return Refund(**{**facts, "state": RefundState(row.state)}, amount=amount)
