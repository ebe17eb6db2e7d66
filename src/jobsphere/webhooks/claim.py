"""Take events out of the inbox: one worker at a time has each, and the claim counts before anything is done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.webhooks.tables import webhook_events

# An event that a worker took and did not finish is free for others after this.
LEASE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this worker handles now.

    ``tries`` and ``open_claims`` count this claim; the latter only since somebody last came back from one.
    """

    id: int
    event_key: str
    source: str
    type: str
    account_id: str | None
    payload: bytes
    tries: int
    open_claims: int


def of_types(types: Collection[str]) -> ColumnElement[bool]:
    """Events of these types that nobody has taken, or that somebody has come back from with an error."""
    return _returned & webhook_events.c.type.in_(types)


def of_other_types(types: Collection[str]) -> ColumnElement[bool]:
    """As ``of_types``, of all the others."""
    return _returned & webhook_events.c.type.not_in(types)


_returned = webhook_events.c.open_claims == 0
# Whoever took them last was killed, or did not come to the end before its lease.
left_over: ColumnElement[bool] = webhook_events.c.open_claims > 0


async def claim(
    connection: AsyncConnection, which: ColumnElement[bool], *, now: datetime, limit: int
) -> Sequence[Claimed]:
    """At most ``limit`` events that are due, in the order in which they came."""
    c = webhook_events.c
    due = select(c.id).where(c.next_try_at <= now, which).order_by(c.next_try_at).limit(limit)
    claimed = await connection.execute(
        update(webhook_events)
        .where(c.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
        .values(
            next_try_at=now + timedelta(seconds=LEASE_SECONDS),
            tries=c.tries + 1,
            open_claims=c.open_claims + 1,
        )
        .returning(*(c[name] for name in Claimed.__slots__))
    )
    return sorted((Claimed(*row) for row in claimed), key=lambda event: event.id)
