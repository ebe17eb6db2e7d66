"""Events that could not be processed: shown to a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.webhooks.tables import webhook_events


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
