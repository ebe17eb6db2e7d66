"""A customer closes a job that nobody was assigned to: its open offers are withdrawn."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.marketplace import job as jobs
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.lock import lock_job, lock_open_offers
from jobsphere.marketplace.store import Deed, save, save_job


async def close(connection: AsyncConnection, *, job_id: UUID, customer_id: UUID, ids: Ids, now: datetime) -> Job:
    """Close the job and take all its open offers back (lifecycle.md section 4, "open -> closed").

    Raises:
        JobNotFound: it is not this customer's job.
        JobNotOpen: somebody is assigned, or it is over.
    """
    job = await lock_job(connection, job_id, customer_id)
    closed = jobs.close(job)
    offers = await lock_open_offers(connection, job)
    deed = Deed(customer_id, now, ids)
    await save_job(connection, closed, deed)
    await save(connection, [lifecycle.withdraw(job, offer, now=now) for offer in offers], deed)
    return closed
