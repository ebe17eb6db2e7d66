"""Deposits as rows: read them, and save what a step of the life cycle says, all of it at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Text, Uuid, any_, bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere import due
from jobsphere.audit.write import write_all as write_audit
from jobsphere.deposits import attempts
from jobsphere.deposits.book_fee import expect_fees
from jobsphere.deposits.lifecycle import LEFT_TO_CUSTOMER, UNSENT, Deposit, DepositState, Step
from jobsphere.deposits.tables import deposits
from jobsphere.money import Money
from jobsphere.notifications.write import notify
from jobsphere.rows import arrays, rows_of
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import record_and_repay

TRY_GAP_SECONDS_MAX = 300
# How long a deposit may wait for its owner before it is canceled (lifecycle.md section 9).
LEFT_HOURS_MAX = 24

_STORED = (
    *("state", "payment_intent_id", "charge_id", "failure_code", "tries", "next_try_at"),
    *("payment_method_id", "attempted_at", "attempts_ended", "failed_with"),
)
_AFTER = rows_of(deposits, "id", *_STORED)
# While there is more to send, whoever claimed it keeps its lease.
_is_unsent = _AFTER.c.state.in_([state.value for state in UNSENT])
_UPDATE = (
    update(deposits)
    .where(deposits.c.id == _AFTER.c.id)
    .values(
        {name: _AFTER.c[name] for name in _STORED}
        | {"next_try_at": case((_is_unsent, deposits.c.next_try_at), else_=_AFTER.c.next_try_at)}
    )
)
# In the order of their ids, so that two who lock several never wait for each other.
_LOCK_NAMED = (
    select(deposits)
    .where(
        or_(
            deposits.c.payment_intent_id == any_(bindparam("payment_intent_ids", type_=ARRAY(Text))),
            deposits.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
        )
    )
    .order_by(deposits.c.id)
    .with_for_update()
)


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


async def lock_by_payment_intent(connection: AsyncConnection, payment_intent_id: str) -> Deposit | None:
    """The deposit that has this PaymentIntent, locked."""
    return await _one(connection, deposits.c.payment_intent_id == payment_intent_id, lock=True)


async def lock_named(connection: AsyncConnection, named: Mapping[str, UUID | None]) -> list[Deposit]:
    """The deposits that have these PaymentIntents, and those that their metadata name; all of them locked."""
    ids = [deposit_id for deposit_id in named.values() if deposit_id is not None]
    rows = await connection.execute(_LOCK_NAMED, {"payment_intent_ids": list(named), "ids": ids})
    return [_deposit(row) for row in rows]


async def save(connection: AsyncConnection, before: Deposit, step: Step, *, now: datetime) -> Deposit:
    """Store a step: the deposit, its entry, its transaction, its notices and the audit row."""
    await save_all(connection, [(before, step)], now=now)
    return step.deposit


async def save_all(connection: AsyncConnection, steps: Sequence[tuple[Deposit, Step]], *, now: datetime) -> None:
    """Store steps, each with the deposit before it; in all of them a deposit moves once at most."""
    moved = [(before, step) for before, step in steps if step.deposit != before]
    if not moved:
        return
    after = [step.deposit for _, step in moved]
    assert len({deposit.id for deposit in after}) == len(after), "one UPDATE would keep either of two steps"
    await connection.execute(_UPDATE, arrays([_row(deposit) for deposit in after]))
    entries = [step.entry for _, step in moved if step.entry is not None]
    if entries:
        await record_and_repay(connection, entries, now=now)
    begun_or_ended = [(step.deposit, attempt) for _, step in moved for attempt in step.attempts]
    await attempts.write(connection, begun_or_ended, now=now)
    charged = [deposit for deposit in after if deposit.state is DepositState.SUCCEEDED]
    await expect_fees(connection, charged, now=now)
    await transactions.complete_all(connection, {one.id: one.charge_id for one in charged}, now=now)
    for before, step in moved:
        await _save_transaction(connection, before, step)
    await notify(connection, [notice for _, step in moved for notice in step.notices], now=now)
    deeds = [(f"deposit.{deposit.state.value}", f"deposit:{deposit.id}") for deposit in after]
    await write_audit(connection, deeds, now=now)


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


async def _save_transaction(connection: AsyncConnection, before: Deposit, step: Step) -> None:
    after = step.deposit
    if after.payment_intent_id is not None and after.payment_intent_id != before.payment_intent_id:
        await transactions.attach(connection, after.id, stripe_payment_intent_id=after.payment_intent_id)
    if step.decline is not None:
        await transactions.fail(connection, after.id, reason=step.decline.sentence)
    elif before.failure_code is not None and after.state is not DepositState.SUCCEEDED:
        await transactions.reopen(connection, after.id)


def _row(deposit: Deposit) -> dict[str, Any]:
    return {
        "id": deposit.id,
        "state": deposit.state.value,
        "payment_intent_id": deposit.payment_intent_id,
        "charge_id": deposit.charge_id,
        "failure_code": deposit.failure_code,
        "tries": deposit.tries,
        "payment_method_id": deposit.payment_method_id,
        "attempted_at": deposit.attempted_at,
        "attempts_ended": deposit.attempts_ended,
        "failed_with": deposit.failed_with,
        "next_try_at": expires_at(deposit) if deposit.state in LEFT_TO_CUSTOMER else None,
    }


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
