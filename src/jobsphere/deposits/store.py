"""Deposits as rows: read them, and save what a step of the life cycle says, all of it at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere import due
from jobsphere.audit.write import write as write_audit
from jobsphere.deposits import attempts
from jobsphere.deposits.book_fee import expect_fee
from jobsphere.deposits.lifecycle import LEFT_TO_CUSTOMER, UNSENT, Deposit, DepositState, Step
from jobsphere.deposits.tables import deposits
from jobsphere.money import Money
from jobsphere.notifications.write import notify
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import record_and_repay

TRY_GAP_SECONDS_MAX = 300
# How long a deposit may wait for its owner before it is canceled (lifecycle.md section 9).
LEFT_HOURS_MAX = 24


class DepositNotFound(Exception):
    """There is no such deposit for this person."""


async def find(connection: AsyncConnection, deposit_id: UUID) -> Deposit | None:
    """The deposit with this id, unlocked."""
    return await _one(connection, deposits.c.id == deposit_id)


async def find_owned(connection: AsyncConnection, deposit_id: UUID, user_id: UUID) -> Deposit:
    """The person's deposit with this id.

    Raises:
        DepositNotFound: there is none, or it is somebody else's.
    """
    found = await _one(connection, (deposits.c.id == deposit_id) & (deposits.c.user_id == user_id))
    if found is None:
        raise DepositNotFound
    return found


async def lock(connection: AsyncConnection, deposit_id: UUID) -> Deposit:
    """The deposit, which nobody else changes until this database transaction ends."""
    found = await _one(connection, deposits.c.id == deposit_id, lock=True)
    if found is None:
        raise DepositNotFound
    return found


async def lock_by_payment_intent(
    connection: AsyncConnection, payment_intent_id: str, metadata_deposit_id: UUID | None
) -> Deposit | None:
    """The deposit a PaymentIntent belongs to, locked; by its metadata when the event came before our answer."""
    found = await _one(connection, deposits.c.payment_intent_id == payment_intent_id, lock=True)
    if found is None and metadata_deposit_id is not None:
        found = await _one(
            connection,
            (deposits.c.id == metadata_deposit_id) & deposits.c.payment_intent_id.is_(None),
            lock=True,
        )
    return found


async def save(connection: AsyncConnection, before: Deposit, step: Step, *, now: datetime) -> Deposit:
    """Store a step: the deposit, its entry, its transaction, its notices and the audit row."""
    after = step.deposit
    if after == before:
        return after
    await connection.execute(update(deposits).where(deposits.c.id == after.id).values(**_changes(after)))
    if step.entry is not None:
        await record_and_repay(connection, [step.entry], now=now)
    await attempts.write(connection, after, step.attempts, now=now)
    if after.state is DepositState.SUCCEEDED:
        await expect_fee(connection, after, now=now)
    await _save_transaction(connection, before, step, now)
    await notify(connection, step.notices, now=now)
    await write_audit(
        connection, actor_id=None, action=f"deposit.{after.state.value}", subject=f"deposit:{after.id}", now=now
    )
    return after


async def try_later(connection: AsyncConnection, deposit: Deposit, *, now: datetime) -> None:
    """The outcome of a call is unknown: go on after a gap that doubles each time."""
    await due.try_later(
        connection,
        deposits,
        deposit.id,
        tries=deposit.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )


async def lease(connection: AsyncConnection, deposit: Deposit, *, now: datetime, lease_seconds: float) -> None:
    """Leave a deposit that has something to send to the caller for so long; then the worker goes on with it."""
    until = now + timedelta(seconds=lease_seconds)
    await connection.execute(update(deposits).where(deposits.c.id == deposit.id).values(next_try_at=until))


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[UUID]:
    """The ids of deposits to go on with; nobody else gets them until the lease is over."""
    rows = await due.claim(connection, deposits, deposits.c.id, now=now, lease_seconds=lease_seconds, limit=limit)
    return [row.id for row in rows]


async def _save_transaction(connection: AsyncConnection, before: Deposit, step: Step, now: datetime) -> None:
    after = step.deposit
    if after.payment_intent_id is not None and after.payment_intent_id != before.payment_intent_id:
        await transactions.attach(connection, after.id, stripe_payment_intent_id=after.payment_intent_id)
    if after.state is DepositState.SUCCEEDED:
        charge = {"stripe_charge_id": after.charge_id} if after.charge_id else {}
        await transactions.complete(connection, after.id, now=now, **charge)
    elif step.decline is not None:
        await transactions.fail(connection, after.id, reason=step.decline.sentence)
    elif before.failure_code is not None:
        await transactions.reopen(connection, after.id)


def _changes(deposit: Deposit) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "state": deposit.state.value,
        "payment_intent_id": deposit.payment_intent_id,
        "charge_id": deposit.charge_id,
        "failure_code": deposit.failure_code,
        "tries": deposit.tries,
        "payment_method_id": deposit.payment_method_id,
        "attempted_at": deposit.attempted_at,
        "attempts_ended": deposit.attempts_ended,
        "failed_with": deposit.failed_with,
    }
    # While there is more to send, whoever claimed it keeps its lease.
    return changes if deposit.state in UNSENT else {**changes, "next_try_at": _due_at(deposit)}


def _due_at(deposit: Deposit) -> datetime | None:
    return expires_at(deposit) if deposit.state in LEFT_TO_CUSTOMER else None


def expires_at(deposit: Deposit) -> datetime:
    """When a deposit that is left to its owner is given up."""
    return deposit.attempted_at + timedelta(hours=LEFT_HOURS_MAX)


async def _one(
    connection: AsyncConnection, condition: ColumnElement[bool], *, lock: bool = False
) -> Deposit | None:
    query = select(deposits).where(condition)
    if lock:
        query = query.with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _deposit(row)


def _deposit(row: Row[Any]) -> Deposit:
    return Deposit(
        id=row.id,
        user_id=row.user_id,
        wallet_id=row.wallet_id,
        amount=Money(row.amount_minor, row.currency),
        state=DepositState(row.state),
        payment_method_id=row.payment_method_id,
        payment_intent_id=row.payment_intent_id,
        charge_id=row.charge_id,
        failure_code=row.failure_code,
        tries=row.tries,
        created_at=row.created_at,
        attempted_at=row.attempted_at,
        attempts_ended=row.attempts_ended,
        saves_card=row.saves_card,
        failed_with=row.failed_with,
    )
