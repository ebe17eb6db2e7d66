"""Disputes as rows: read them, and save what a step of the life cycle says, all of it at once.

Whoever changes a dispute holds the lock of its deposit.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.deposits.tables import deposits
from jobsphere.disputes.lifecycle import Dispute, DisputeState, Part, PartState, Step
from jobsphere.disputes.tables import dispute_movements, dispute_parts, disputes
from jobsphere.ledger.posting import Verdict
from jobsphere.money import Money
from jobsphere.notifications.write import notify
from jobsphere.stripe_gateway.dispute import Movement
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import Credit, DebtOrigin, owe, record_and_repay, repay
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType

_HOLDS = tuple(state.value for state in (DisputeState.OPEN, DisputeState.UNDER_REVIEW, DisputeState.DECIDED))
WON = "The dispute was decided in your favour."


class DisputeNotFound(Exception):
    """There is no such dispute."""


class MoneyMovedMeanwhile(Exception):
    """The ledger did not record what was planned under its locks: nothing was changed, a person must look."""


async def find(connection: AsyncConnection, dispute_id: UUID) -> Dispute:
    """The dispute with this id, unlocked.

    Raises:
        DisputeNotFound: there is none.
    """
    found = await _one(connection, disputes.c.id == dispute_id)
    if found is None:
        raise DisputeNotFound
    return found


async def by_stripe_id(connection: AsyncConnection, stripe_dispute_id: str) -> Dispute | None:
    """The dispute that Stripe has under this id, locked; the caller holds the lock of its deposit."""
    return await _one(connection, disputes.c.stripe_dispute_id == stripe_dispute_id, lock=True)


async def list_disputes(
    connection: AsyncConnection, *, before: UUID | None, limit: int, undecided_only: bool
) -> list[Dispute]:
    """At most ``limit`` disputes, newest first, older than the one ``before``."""
    c = disputes.c
    query = select(disputes)
    if undecided_only:
        query = query.where(c.state.in_(("inquiry", *_HOLDS)))
    if before is not None:
        position = (await connection.execute(select(c.created_at, c.id).where(c.id == before))).one_or_none()
        if position is None:
            return []
        query = query.where(tuple_(c.created_at, c.id) < tuple_(*position))
    rows = (await connection.execute(query.order_by(c.created_at.desc(), c.id.desc()).limit(limit))).all()
    return [await _whole(connection, row) for row in rows]


async def add(connection: AsyncConnection, dispute: Dispute) -> None:
    """Store a dispute of which nothing is booked yet."""
    await connection.execute(insert(disputes).values(**_values(dispute)))


async def save(
    connection: AsyncConnection, before: Dispute, step: Step, *, movements: Sequence[Movement] = (), now: datetime
) -> Dispute:
    """Store a step: dispute, movements, parts, entries, debt, transaction, notices and the audit row.

    Raises:
        MoneyMovedMeanwhile: the ledger refused what was read under its locks.
    """
    after = step.dispute
    if after == before and not step.entries:
        return after
    await connection.execute(update(disputes).where(disputes.c.id == after.id).values(**_values(after)))
    new = [one for one in movements if one.id in after.booked - before.booked]
    if new:
        await connection.execute(insert(dispute_movements).values([_movement(after, one, now) for one in new]))
    await _save_parts(connection, before, after)
    verdicts = await record_and_repay(connection, step.entries, now=now) if step.entries else []
    if any(verdict is not Verdict.RECORDED for verdict in verdicts):
        raise MoneyMovedMeanwhile(f"dispute {after.id}")
    if step.debt is not None:
        await _owe(connection, after, step, now)
    await _count(connection, after.deposit_id)
    await notify(connection, step.notices, now=now)
    await write_audit(
        connection,
        actor_id=None,
        action=f"dispute.{after.state.value}",
        subject=f"dispute:{after.id}",
        now=now,
        details={"deposit_id": str(after.deposit_id), "contested_minor": after.contested.amount_minor},
    )
    return after


async def _owe(connection: AsyncConnection, dispute: Dispute, step: Step, now: datetime) -> None:
    """Keep why the wallet owes, and pay it at once with what the wallet holds."""
    assert step.debt is not None
    [reference] = [entry.reference for entry in step.entries]
    origin = (DebtOrigin.DISPUTE, dispute.id)
    await owe(connection, dispute.wallet_id, step.debt, *origin, reference=reference, now=now)
    nothing_new = Credit(dispute.wallet_id, reference, Money.zero(step.debt.currency))
    await repay(connection, [nothing_new], now=now)


async def save_transaction(connection: AsyncConnection, before: Dispute, after: Dispute, *, now: datetime) -> None:
    """What its customer sees of it: from the moment money is held, until it is decided."""
    if after.is_frozen and not before.is_frozen:
        await transactions.write(connection, _transaction(after, now))
    if after.state is before.state and after.is_frozen is before.is_frozen:
        return
    if after.state is DisputeState.LOST:
        await transactions.complete(connection, after.id, now=now)
    elif after.state is DisputeState.WON:
        await transactions.fail(connection, after.id, reason=WON)


async def returned_of(connection: AsyncConnection, dispute: Dispute) -> Money:
    """What went back of its deposit otherwise: by refunds, and what other disputes hold or took."""
    refunded = select(deposits.c.refunded_minor).where(deposits.c.id == dispute.deposit_id)
    others = (disputes.c.deposit_id == dispute.deposit_id) & (disputes.c.id != dispute.id)
    minor = (await connection.execute(refunded)).scalar_one() + await _held_or_lost(connection, others)
    return Money(minor, dispute.amount.currency)


async def _count(connection: AsyncConnection, deposit_id: UUID) -> None:
    """What refunds must leave alone (``refunds.quote``)."""
    theirs = disputes.c.deposit_id == deposit_id
    is_open = select(func.count()).where(theirs, disputes.c.state.in_(_HOLDS))
    minor = await _held_or_lost(connection, theirs)
    await connection.execute(
        update(deposits)
        .where(deposits.c.id == deposit_id)
        .values(
            # A bank may ask for more than was paid.
            contested_minor=func.least(minor, deposits.c.amount_minor),
            is_disputed=(await connection.execute(is_open)).scalar_one() > 0,
        )
    )


async def _held_or_lost(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    c = disputes.c
    moved = c.withdrawn_minor - c.reinstated_minor
    claimed = case((c.state.in_(_HOLDS), func.greatest(moved, c.amount_minor)), else_=moved)
    return int(
        (await connection.execute(select(func.coalesce(func.sum(claimed), 0)).where(condition))).scalar_one()
    )


async def _save_parts(connection: AsyncConnection, before: Dispute, after: Dispute) -> None:
    changed = [part for part in after.parts if part not in before.parts]
    if not changed:
        return
    rows = insert(dispute_parts).values(
        [
            {
                "dispute_id": after.id,
                "position": part.position,
                "amount_minor": part.amount.amount_minor,
                "offer_id": part.offer_id,
                "state": part.state.value,
            }
            for part in changed
        ]
    )
    now = {"amount_minor": rows.excluded.amount_minor, "state": rows.excluded.state}
    await connection.execute(rows.on_conflict_do_update(index_elements=["dispute_id", "position"], set_=now))


def _values(dispute: Dispute) -> dict[str, Any]:
    values = {**asdict(dispute), "state": dispute.state.value, "currency": dispute.amount.currency}
    for name in ("parts", "booked"):
        del values[name]
    for name in ("amount", "withdrawn", "reinstated", "settled", "borne_by_customer"):
        del values[name]
        values[f"{name}_minor"] = getattr(dispute, name).amount_minor
    return values


def _movement(dispute: Dispute, movement: Movement, now: datetime) -> dict[str, Any]:
    return {
        "id": movement.id,
        "dispute_id": dispute.id,
        "amount_minor": movement.amount.amount_minor,
        "fee_minor": movement.fee.amount_minor,
        "booked_at": now,
    }


def _transaction(dispute: Dispute, now: datetime) -> Transaction:
    return Transaction(
        id=dispute.id,
        type=TransactionType.DISPUTE,
        amount=dispute.amount,
        from_wallet_id=dispute.wallet_id,
        to_wallet_id=None,
        status=TransactionStatus.PENDING,
        description="Deposit disputed by your card's bank",
        created_at=now,
    )


async def _one(
    connection: AsyncConnection, condition: ColumnElement[bool], *, lock: bool = False
) -> Dispute | None:
    query = select(disputes).where(condition)
    if lock:
        query = query.with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else await _whole(connection, row)


async def _whole(connection: AsyncConnection, row: Row[Any]) -> Dispute:
    """With what was booked and frozen for it."""
    facts = dict(row._mapping)
    currency = facts.pop("currency")
    for name in [name for name in facts if name.endswith("_minor")]:
        facts[name.removesuffix("_minor")] = Money(facts.pop(name), currency)
    moved = select(dispute_movements.c.id).where(dispute_movements.c.dispute_id == row.id)
    c = dispute_parts.c
    parts = select(dispute_parts).where(c.dispute_id == row.id).order_by(c.position)
    return Dispute(
        **{**facts, "state": DisputeState(row.state)},
        booked=frozenset((await connection.execute(moved)).scalars()),
        parts=tuple(
            Part(one.position, Money(one.amount_minor, currency), one.offer_id, PartState(one.state))
            for one in await connection.execute(parts)
        ),
    )
