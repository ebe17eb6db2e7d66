"""A customer posts a job, so that offers for it can be sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.marketplace.job import Job, JobState
from jobsphere.marketplace.tables import jobs


async def post(
    connection: AsyncConnection,
    *,
    job_id: UUID,
    customer_id: UUID,
    title: str,
    description: str,
    now: datetime,
) -> Job:
    """Store an open job; ``title`` has 3 to 120 characters, ``description`` at most 5,000."""
    job = Job(job_id, customer_id, title, description, JobState.OPEN, created_at=now)
    await connection.execute(
        insert(jobs).values(
            id=job.id,
            customer_id=job.customer_id,
            title=job.title,
            description=job.description,
            state=job.state.value,
            created_at=job.created_at,
        )
    )
    await write_audit(connection, actor_id=customer_id, action="job.posted", subject=f"job:{job.id}", now=now)
    return job
