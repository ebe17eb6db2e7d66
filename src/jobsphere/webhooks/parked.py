"""Events that could not be processed: shown to a person, and processed again when told to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.database import in_own_transaction
from jobsphere.webhooks.tables import webhook_events


class EventNotParked(Exception):
    """There is no parked event with this id that could be processed again."""


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event without its payload; ``error`` says why it is parked."""

    id: int
    event_key: str
    source: str
    type: str | None
    account_id: str | None
    received_at: datetime
    tries: int
    error: str | None


async def list_parked(connection: AsyncConnection, *, limit: int) -> Sequence[ParkedEvent]:
    """Parked events, newest first."""
    c = webhook_events.c
    rows = await connection.execute(
        select(c.id, c.event_key, c.source, c.type, c.account_id, c.received_at, c.tries, c.error)
        .where(c.status == "parked")
        .order_by(c.id.desc())
        .limit(limit)
    )
    return [ParkedEvent(*row) for row in rows]


@in_own_transaction
async def replay(
    connection: AsyncConnection, event_id: int, *, actor_id: UUID | None, livemode: bool, now: datetime
) -> None:
    """Let the worker process a parked event from the start; never one of the other mode than ``livemode``.

    Raises:
        EventNotParked: there is none with this id, it has no type to process it by, or it is of the other mode.
    """
    c = webhook_events.c
    changed = await connection.execute(
        update(webhook_events)
        .where(
            c.id == event_id, c.status == "parked", c.type.is_not(None), c.livemode.is_distinct_from(not livemode)
        )
        .values(status="new", next_try_at=now, tries=0, error=None)
        .returning(c.event_key)
    )
    event_key = changed.scalar_one_or_none()
    if event_key is None:
        raise EventNotParked
    await write_audit(
        connection, actor_id=actor_id, action="webhook.replayed", subject=f"event:{event_key}", now=now
    )
