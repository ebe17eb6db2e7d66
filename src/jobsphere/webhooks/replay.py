"""Process stored events again, by id, type or time: what they did already is not done twice."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.database import in_own_transaction
from jobsphere.webhooks.tables import webhook_events

EVENTS_MAX = 10_000


class EventNotParked(Exception):
    """There is no such event that could be processed again."""


class TooManyEvents(Exception):
    """More than ``EVENTS_MAX`` fit: a type or a shorter time must be named too."""


class NothingSelected(Exception):
    """Neither id nor type nor time is named, and everything is never meant."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events; all that is given must fit. Only parked ones, unless ``also_processed``.

    ``id`` is ours, ``event_key`` Stripe's; ``since`` and ``until`` say when they were received.
    """

    id: int | None = None
    event_key: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    also_processed: bool = False

    def named(self) -> dict[str, str | int | None]:
        """What is given, for the audit log."""
        given: dict[str, str | int | None] = {
            "id": self.id,
            "event": self.event_key,
            "type": self.type,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }
        return {name: value for name, value in given.items() if value is not None}


@in_own_transaction
async def replay(
    connection: AsyncConnection, selection: Selection, *, actor_id: UUID | None, livemode: bool, now: datetime
) -> int:
    """Let the worker process events from the start; never those of the other mode than ``livemode``.

    Returns how many they are.

    Raises:
        EventNotParked: none fits, or none that has a type to process it by and is of our mode.
        TooManyEvents: more than ``EVENTS_MAX`` fit; nothing is done.
        NothingSelected: the selection names nothing.
    """
    if not selection.named():
        raise NothingSelected
    fits = _fits(selection, livemode)
    count = (await connection.execute(select(func.count()).select_from(webhook_events).where(*fits))).scalar_one()
    if count > EVENTS_MAX:
        raise TooManyEvents
    changed = await connection.execute(
        update(webhook_events)
        .where(*fits)
        .values(status="new", next_try_at=now, tries=0, open_claims=0, error=None, processed_at=None)
        .returning(webhook_events.c.event_key)
    )
    keys = changed.scalars().all()
    if not keys:
        raise EventNotParked
    subject = f"event:{keys[0]}" if len(keys) == 1 else "events"
    details = {"count": len(keys), **selection.named()}
    await write_audit(
        connection, actor_id=actor_id, action="webhook.replayed", subject=subject, now=now, details=details
    )
    return len(keys)


def _fits(selection: Selection, livemode: bool) -> list[ColumnElement[bool]]:
    c = webhook_events.c
    statuses = ("parked", "done", "ignored") if selection.also_processed else ("parked",)
    fits = [c.status.in_(statuses), c.type.is_not(None), c.livemode.is_distinct_from(not livemode)]
    if selection.id is not None:
        fits.append(c.id == selection.id)
    if selection.event_key is not None:
        fits.append(c.event_key == selection.event_key)
    if selection.type is not None:
        fits.append(c.type == selection.type)
    if selection.since is not None:
        fits.append(c.received_at >= selection.since)
    if selection.until is not None:
        fits.append(c.received_at < selection.until)
    return fits
