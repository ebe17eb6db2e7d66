"""A card's bank disputes the money of a customer: open offers end, jobs under way wait, and go on or end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.tables import audit_log
from jobsphere.clock import Ids
from jobsphere.ledger.read import balances
from jobsphere.marketplace import job as jobs
from jobsphere.marketplace import lifecycle, notices
from jobsphere.marketplace.job import Job, JobState
from jobsphere.marketplace.lock import lock_funded
from jobsphere.marketplace.offer import Offer, OfferState
from jobsphere.marketplace.store import Deed, save, save_job
from jobsphere.money import Money
from jobsphere.notifications.write import notify


@dataclass(frozen=True, slots=True)
class Funded:
    """An offer whose money is in escrow, with its job, both locked."""

    job: Job
    offer: Offer
    escrow: Money

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.offer.state is OfferState.SENT


async def funded_by(connection: AsyncConnection, customer_id: UUID) -> list[Funded]:
    """Everything a customer has in escrow, newest first: open offers by sending, accepted ones by acceptance."""
    locked = await lock_funded(connection, customer_id)
    held = await balances(connection, [offer.escrow for _, offer in locked])
    found = [Funded(job, offer, held[offer.escrow]) for job, offer in locked]
    return sorted(
        found, key=lambda one: (one.offer.answered_at or one.offer.created_at, one.offer.id), reverse=True
    )


async def withdraw_all(connection: AsyncConnection, offers: Iterable[Funded], *, ids: Ids, now: datetime) -> None:
    """End these open offers; their money is in the customer's wallet again."""
    steps = [lifecycle.withdraw(one.job, one.offer, now=now) for one in offers]
    if steps:
        await save(connection, steps, Deed(None, now, ids))


async def pause_all(connection: AsyncConnection, offers: Iterable[Funded], *, ids: Ids, now: datetime) -> None:
    """Let these jobs wait; one that waits already goes on waiting."""
    for one in offers:
        if one.job.state is JobState.ASSIGNED:
            await save_job(connection, jobs.pause(one.job), Deed(None, now, ids))
            times = await _times(connection, one.job, JobState.PAUSED)
            await notify(connection, notices.paused(one.job, one.offer, times), now=now)


async def resume_all(connection: AsyncConnection, offers: Sequence[Funded], *, ids: Ids, now: datetime) -> None:
    """Let the jobs go on whose money is all there again; the others wait for another dispute."""
    held = await balances(connection, [one.offer.escrow for one in offers])
    for one in offers:
        if one.job.state is JobState.PAUSED and held[one.offer.escrow] == one.offer.fees.amount:
            await save_job(connection, jobs.resume(one.job), Deed(None, now, ids))
            times = await _times(connection, one.job, JobState.PAUSED)
            await notify(connection, notices.resumed(one.job, one.offer, times), now=now)


async def cancel_all(connection: AsyncConnection, offers: Sequence[Funded], *, ids: Ids, now: datetime) -> None:
    """End the jobs that lost money; what is left of it goes back to the customer."""
    held = await balances(connection, [one.offer.escrow for one in offers])
    for one in offers:
        # Two jobs never share money, so each is a deed of its own.
        await save(
            connection, [lifecycle.cancel(one.job, one.offer, held[one.offer.escrow])], Deed(None, now, ids)
        )


async def _times(connection: AsyncConnection, job: Job, state: JobState) -> int:
    """How often the job came into this state, by the audit log."""
    c = audit_log.c
    query = select(func.count()).where(c.subject == f"job:{job.id}", c.action == f"job.{state}")
    return (await connection.execute(query)).scalar_one()
