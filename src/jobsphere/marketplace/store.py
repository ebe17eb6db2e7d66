"""Save what a step of the life cycle says, all of it at once. The only file here that moves money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.clock import Ids
from jobsphere.ledger.posting import Verdict
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.lifecycle import Movement, Step
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.rows import row_of
from jobsphere.marketplace.tables import jobs, offers
from jobsphere.notifications.write import notify
from jobsphere.wallets import transactions
from jobsphere.wallets.debts import record_and_repay
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import InsufficientFunds


class EscrowDisagrees(Exception):
    """An offer and its escrow account tell different stories: a person must look; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who acts (None: the system) and when; ``ids`` names the transactions that people will see."""

    actor_id: UUID | None
    now: datetime
    ids: Ids


async def save_new(connection: AsyncConnection, step: Step, deed: Deed) -> None:
    """Store an offer that did not exist, and hold its money.

    Raises:
        InsufficientFunds: the ledger refused the hold; the caller's database transaction must not commit.
    """
    await connection.execute(insert(offers).values(**row_of(step.offer)))
    if Verdict.INSUFFICIENT_FUNDS in await _record(connection, [step], deed.now):
        raise InsufficientFunds
    await _tell(connection, [step], deed)


async def save(connection: AsyncConnection, steps: Sequence[Step], deed: Deed) -> None:
    """Store what the steps say: offers, jobs, entries, transactions, notices and audit rows.

    Raises:
        EscrowDisagrees: the ledger did not record a step; the caller's database transaction must not commit.
    """
    for step in steps:
        await _save_offer(connection, step.offer)
        if step.job is not None:
            await save_job(connection, step.job, deed)
    if any(verdict is not Verdict.RECORDED for verdict in await _record(connection, steps, deed.now)):
        raise EscrowDisagrees(", ".join(str(step.offer.id) for step in steps))
    await _tell(connection, steps, deed)


async def save_job(connection: AsyncConnection, job: Job, deed: Deed) -> None:
    """Store the next state of a job, with an audit row."""
    await connection.execute(
        update(jobs).where(jobs.c.id == job.id).values(state=job.state.value, completed_at=job.completed_at)
    )
    await write_audit(
        connection, actor_id=deed.actor_id, action=f"job.{job.state}", subject=f"job:{job.id}", now=deed.now
    )


async def _save_offer(connection: AsyncConnection, offer: Offer) -> None:
    await connection.execute(
        update(offers)
        .where(offers.c.id == offer.id)
        .values(state=offer.state.value, answered_at=offer.answered_at)
    )


async def _record(connection: AsyncConnection, steps: Sequence[Step], now: datetime) -> list[Verdict]:
    entries = [step.entry for step in steps if step.entry is not None]
    return await record_and_repay(connection, entries, now=now)


async def _tell(connection: AsyncConnection, steps: Sequence[Step], deed: Deed) -> None:
    new = [_transaction(step.offer, movement, deed) for step in steps for movement in step.movements]
    if new:
        await transactions.write(connection, *new)
    await notify(connection, [notice for step in steps for notice in step.notices], now=deed.now)
    for step in steps:
        await _audit(connection, step.offer, deed)


async def _audit(connection: AsyncConnection, offer: Offer, deed: Deed) -> None:
    amount = offer.fees.amount
    await write_audit(
        connection,
        actor_id=deed.actor_id,
        action=f"offer.{offer.state}",
        subject=f"offer:{offer.id}",
        now=deed.now,
        details={"job_id": str(offer.job_id), "amount_minor": amount.amount_minor, "currency": amount.currency},
    )


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
