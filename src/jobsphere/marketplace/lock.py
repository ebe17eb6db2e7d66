"""Take a job and its offers for oneself, until the database transaction ends.

Locks are taken in one order everywhere, so that of two deeds at once one wins and none deadlocks: the job, then
its offers in the order of their ids, then wallets, then the ledger's balances inside ``record``. Whoever changes
an offer or moves its money holds the lock of its job.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.marketplace.job import Job
from jobsphere.marketplace.offer import Offer, OfferState
from jobsphere.marketplace.refusals import JobNotFound, OfferNotFound
from jobsphere.marketplace.rows import job_of, offer_of
from jobsphere.marketplace.tables import jobs, offers

_IS_SENT = offers.c.state == OfferState.SENT.value
_IS_ACCEPTED = offers.c.state == OfferState.ACCEPTED.value
_JOBS = (
    select(jobs)
    .where(
        jobs.c.id == any_(bindparam("job_ids", type_=ARRAY(Uuid))),
        jobs.c.customer_id == any_(bindparam("customer_ids", type_=ARRAY(Uuid))),
    )
    .order_by(jobs.c.id)
)
# FOR NO KEY UPDATE: rows that refer to the job may still be written.
_LOCK_JOBS = _JOBS.with_for_update(key_share=True)
_LOCK_FREE_JOBS = _JOBS.with_for_update(key_share=True, skip_locked=True)


async def lock_job(connection: AsyncConnection, job_id: UUID, customer_id: UUID) -> Job:
    """The customer's job.

    Raises:
        JobNotFound: there is none, or it is somebody else's.
    """
    job = await _lock_job(connection, jobs.c.id == job_id, jobs.c.customer_id == customer_id)
    if job is None:
        raise JobNotFound
    return job


async def lock_jobs(
    connection: AsyncConnection, wanted: Iterable[tuple[UUID, UUID]], *, waits: bool
) -> dict[tuple[UUID, UUID], Job]:
    """Of these jobs, each named by its id and its customer's, those that are there.

    Unless it ``waits``, also without those that somebody else holds.
    """
    job_ids, customer_ids = map(set, zip(*wanted, strict=True))
    query = _LOCK_JOBS if waits else _LOCK_FREE_JOBS
    rows = await connection.execute(query, {"job_ids": list(job_ids), "customer_ids": list(customer_ids)})
    return {(job.id, job.customer_id): job for job in map(job_of, rows)}


async def lock_offer(
    connection: AsyncConnection, offer_id: UUID, person_id: UUID, *, of: Literal["contractor", "customer"]
) -> tuple[Job, Offer]:
    """The offer that was sent to a contractor, or by a customer, in whatever state it is, after its job.

    Raises:
        OfferNotFound: there is none, or it is somebody else's.
    """
    job = await _lock_job_of(connection, offer_id, offers.c[f"{of}_id"] == person_id)
    [offer] = await _lock_offers(connection, offers.c.id == offer_id)
    return job, offer


async def lock_offer_and_rivals(
    connection: AsyncConnection, offer_id: UUID, contractor_id: UUID
) -> tuple[Job, Offer, list[Offer]]:
    """As ``lock_offer`` of a contractor, with all other offers of the job that wait for an answer."""
    job = await _lock_job_of(connection, offer_id, offers.c.contractor_id == contractor_id)
    locked = await _lock_offers(connection, offers.c.job_id == job.id, _IS_SENT | (offers.c.id == offer_id))
    [offer] = [offer for offer in locked if offer.id == offer_id]
    return job, offer, [offer for offer in locked if offer.id != offer_id]


async def lock_open_offers(connection: AsyncConnection, job: Job) -> list[Offer]:
    """Every offer of the locked job that waits for an answer."""
    return await _lock_offers(connection, offers.c.job_id == job.id, _IS_SENT)


async def lock_accepted_offer(connection: AsyncConnection, job: Job) -> Offer:
    """The offer with which the locked job, which is assigned, was given to its contractor."""
    [offer] = await _lock_offers(connection, offers.c.job_id == job.id, _IS_ACCEPTED)
    return offer


async def lock_funded(connection: AsyncConnection, customer_id: UUID) -> list[tuple[Job, Offer]]:
    """The customer's jobs with money in escrow, each with its offer: open ones and accepted ones, by job id."""
    funded = select(offers.c.job_id).where(offers.c.customer_id == customer_id, _IS_SENT | _IS_ACCEPTED)
    query = select(jobs).where(jobs.c.id.in_(funded)).order_by(jobs.c.id).with_for_update(key_share=True)
    locked = {row.id: job_of(row) for row in await connection.execute(query)}
    theirs = await _lock_offers(connection, offers.c.job_id.in_(locked), _IS_SENT | _IS_ACCEPTED)
    return [(locked[offer.job_id], offer) for offer in theirs]


async def claim_expired(connection: AsyncConnection, offer_id: UUID, now: datetime) -> tuple[Job, Offer] | None:
    """The offer and its job, if it is still to be expired and nobody else is at its job; waits for nobody."""
    job_id = select(offers.c.job_id).where(offers.c.id == offer_id).scalar_subquery()
    job = await _lock_job(connection, jobs.c.id == job_id, skip_locked=True)
    if job is None:
        return None
    locked = await _lock_offers(connection, offers.c.id == offer_id, _IS_SENT, offers.c.expires_at <= now)
    return (job, locked[0]) if locked else None


async def _lock_job_of(connection: AsyncConnection, offer_id: UUID, is_theirs: ColumnElement[bool]) -> Job:
    # Which job and whose offer never changes, so it may be read before the lock; all else after it.
    job_id = select(offers.c.job_id).where(offers.c.id == offer_id, is_theirs).scalar_subquery()
    job = await _lock_job(connection, jobs.c.id == job_id)
    if job is None:
        raise OfferNotFound
    return job


async def _lock_job(connection: AsyncConnection, *conditions: ColumnElement[bool], **how: Any) -> Job | None:
    query = select(jobs).where(*conditions).with_for_update(key_share=True, **how)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else job_of(row)


async def _lock_offers(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> list[Offer]:
    query = select(offers).where(*conditions).order_by(offers.c.id).with_for_update(key_share=True)
    return [offer_of(row) for row in await connection.execute(query)]
