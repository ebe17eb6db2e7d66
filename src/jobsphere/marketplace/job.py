"""A job, and what may become of it (lifecycle.md section 4). Computes only."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.marketplace.refusals import JobNotAssigned, JobNotOpen


class JobState(StrEnum):
    """What is true of a job."""

    OPEN = "open"  # offers for it may be sent and accepted
    ASSIGNED = "assigned"  # one offer is accepted: its contractor works, the amount is kept for the work
    PAUSED = "paused"  # assigned, but its payment is disputed: nothing is paid until that is decided
    COMPLETED = "completed"  # the customer confirmed the work, the contractor was paid
    CLOSED = "closed"  # the customer took it back before anybody was assigned; no money waits
    CANCELED = "canceled"  # its payment was lost to a dispute; what was left went back to the customer


@dataclass(frozen=True, slots=True)
class Job:
    """Work that a customer wants done."""

    id: UUID
    customer_id: UUID
    title: str
    description: str
    state: JobState
    created_at: datetime
    completed_at: datetime | None = None


def require_open(job: Job) -> None:
    """Raises ``JobNotOpen`` unless offers may be sent and accepted."""
    if job.state is not JobState.OPEN:
        raise JobNotOpen(job.state)


def require_assigned(job: Job) -> None:
    """Raises ``JobNotAssigned`` unless a contractor works on it."""
    if job.state is not JobState.ASSIGNED:
        raise JobNotAssigned(job.state)


def assign(job: Job) -> Job:
    """One of its offers is accepted."""
    require_open(job)
    return replace(job, state=JobState.ASSIGNED)


def complete(job: Job, *, now: datetime) -> Job:
    """The customer confirms the work."""
    require_assigned(job)
    return replace(job, state=JobState.COMPLETED, completed_at=now)


def close(job: Job) -> Job:
    """The customer wants it done no more."""
    require_open(job)
    return replace(job, state=JobState.CLOSED)


def pause(job: Job) -> Job:
    """Money that waits for its work is frozen for a dispute."""
    return replace(job, state=JobState.PAUSED)


def resume(job: Job) -> Job:
    """All its money is there again."""
    return replace(job, state=JobState.ASSIGNED)


def cancel(job: Job) -> Job:
    """Money that waited for its work is lost."""
    return replace(job, state=JobState.CANCELED)
