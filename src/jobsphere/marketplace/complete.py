"""A customer confirms the work: the contractor is paid, the platform earns its service fee."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.job import Job, require_assigned
from jobsphere.marketplace.lock import lock_accepted_offer, lock_job
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.store import Deed, save


async def complete(
    connection: AsyncConnection, *, job_id: UUID, customer_id: UUID, ids: Ids, now: datetime
) -> tuple[Job, Offer]:
    """Complete the job and pay its contractor (lifecycle.md section 4, "accept / complete").

    Raises:
        JobNotFound: it is not this customer's job.
        JobNotAssigned: nobody works on it, or it is completed already.
        EscrowDisagrees: its money is not all there, which a person must look at.
    """
    job = await lock_job(connection, job_id, customer_id)
    require_assigned(job)
    step = lifecycle.complete(job, await lock_accepted_offer(connection, job), now=now)
    await save(connection, [step], Deed(customer_id, now, ids))
    return step.job or job, step.offer
