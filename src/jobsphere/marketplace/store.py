"""Save what a step of the life cycle says, all of it at once. The only file here that moves money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import Act, write_acts
from jobsphere.clock import Ids
from jobsphere.ledger.posting import Verdict
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.lifecycle import Movement, Step
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.rows import row_of
from jobsphere.marketplace.tables import jobs, offers
from jobsphere.notifications.write import notify
from jobsphere.rows import arrays, rows_of
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import record_and_repay
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import InsufficientFunds

_NAMES = [column.name for column in offers.columns]
_INSERT_OFFERS = insert(offers).from_select(_NAMES, select(rows_of(offers, *_NAMES)))
_ANSWERED = rows_of(offers, "id", "state", "answered_at")
_UPDATE_OFFERS = (
    update(offers)
    .where(offers.c.id == _ANSWERED.c.id)
    .values(state=_ANSWERED.c.state, answered_at=_ANSWERED.c.answered_at)
)


class EscrowDisagrees(Exception):
    """An offer and its escrow account tell different stories: a person must look; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who acts (None: the system) and when; ``ids`` names the transactions that people will see."""

    actor_id: UUID | None
    now: datetime
    ids: Ids


# A step, and whose deed it was.
Done = tuple[Step, Deed]


async def save_new(connection: AsyncConnection, done: Sequence[Done], *, now: datetime) -> None:
    """Store offers that did not exist, at least one, and hold their money.

    Raises:
        InsufficientFunds: the ledger refused a hold; the caller's database transaction must not commit.
    """
    await connection.execute(_INSERT_OFFERS, arrays([row_of(step.offer) for step, _ in done]))
    if Verdict.INSUFFICIENT_FUNDS in await _record(connection, done, now):
        raise InsufficientFunds
    await _tell(connection, done, now)


async def save(connection: AsyncConnection, steps: Sequence[Step], deed: Deed) -> None:
    """Store what the steps say: offers, jobs, entries, transactions, notices and audit rows.

    Raises:
        EscrowDisagrees: the ledger did not record a step; the caller's database transaction must not commit.
    """
    if not steps:
        return
    done = [(step, deed) for step in steps]
    await connection.execute(_UPDATE_OFFERS, arrays([_answered(step.offer) for step in steps]))
    for job in (step.job for step in steps if step.job is not None):
        await _save_job(connection, job)
    if any(verdict is not Verdict.RECORDED for verdict in await _record(connection, done, deed.now)):
        raise EscrowDisagrees(", ".join(str(step.offer.id) for step in steps))
    await _tell(connection, done, deed.now)


async def save_job(connection: AsyncConnection, job: Job, deed: Deed) -> None:
    """Store the next state of a job, with an audit row."""
    await _save_job(connection, job)
    await write_acts(connection, [_act_on_job(job, deed)])


async def _save_job(connection: AsyncConnection, job: Job) -> None:
    await connection.execute(
        update(jobs).where(jobs.c.id == job.id).values(state=job.state.value, completed_at=job.completed_at)
    )


def _answered(offer: Offer) -> dict[str, Any]:
    return {"id": offer.id, "state": offer.state.value, "answered_at": offer.answered_at}


async def _record(connection: AsyncConnection, done: Sequence[Done], now: datetime) -> list[Verdict]:
    entries = [step.entry for step, _ in done if step.entry is not None]
    return await record_and_repay(connection, entries, now=now)


async def _tell(connection: AsyncConnection, done: Sequence[Done], now: datetime) -> None:
    new = [_transaction(step.offer, movement, deed) for step, deed in done for movement in step.movements]
    if new:
        await transactions.write(connection, *new)
    await notify(connection, [notice for step, _ in done for notice in step.notices], now=now)
    acts = [_act_on_job(step.job, deed) for step, deed in done if step.job is not None]
    await write_acts(connection, [*acts, *(_act_on_offer(step.offer, deed) for step, deed in done)])


def _act_on_job(job: Job, deed: Deed) -> Act:
    return Act(deed.actor_id, f"job.{job.state}", f"job:{job.id}", deed.now)


def _act_on_offer(offer: Offer, deed: Deed) -> Act:
    amount = offer.fees.amount
    details: dict[str, str | int | None] = {
        "job_id": str(offer.job_id),
        "amount_minor": amount.amount_minor,
        "currency": amount.currency,
    }
    return Act(deed.actor_id, f"offer.{offer.state}", f"offer:{offer.id}", deed.now, details)


def _transaction(offer: Offer, movement: Movement, deed: Deed) -> Transaction:
    return Transaction(
        id=deed.ids.new(),
        type=TransactionType(movement.type),
        amount=movement.amount,
        from_wallet_id=movement.from_wallet_id,
        to_wallet_id=movement.to_wallet_id,
        status=TransactionStatus.COMPLETED,
        description=movement.description,
        created_at=deed.now,
        completed_at=deed.now,
        offer_id=offer.id,
        job_id=offer.job_id,
    )
