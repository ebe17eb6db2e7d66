"""Go through the inbox: each event is handled and marked as done in one database transaction."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import due
from jobsphere.clock import Clock, Ids
from jobsphere.database import Busy, in_own_transaction
from jobsphere.observability import logger
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, StripeMisconfigured
from jobsphere.stripe_gateway.objects import UnreadableObject
from jobsphere.traces import trace
from jobsphere.webhooks.handlers import HANDLERS, Event, Handler, Moment
from jobsphere.webhooks.receive import Source
from jobsphere.webhooks.tables import webhook_events

TRIES_MAX = 12
TRY_GAP_SECONDS_MAX = 3600
BATCH_SIZE = 50
# An event that a worker took and did not finish is free for others after this.
LEASE_SECONDS = 30
AT_ONCE_MAX = 8

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this worker handles now."""

    id: int
    event_key: str
    source: str
    type: str
    account_id: str | None
    payload: bytes
    tries: int


async def process_due(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids) -> int:
    """Handle what is due, at most ``BATCH_SIZE`` events; returns how many were taken.

    An event whose handler fails keeps its error and is tried again after a growing gap; after
    ``TRIES_MAX`` tries it is parked for a person. It never spoils another event.
    """
    claimed = await _claim(engine, clock.now())
    at_once = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(event: Claimed) -> None:
        async with at_once:
            await _handle(engine, gateway, clock, ids, event)

    for outcome in await asyncio.gather(*(one(event) for event in claimed), return_exceptions=True):
        if isinstance(outcome, Exception):
            log.error("webhook.left_to_its_lease", exception=trace(outcome))
    return len(claimed)


async def _handle(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids, claimed: Claimed) -> None:
    handler = HANDLERS.get(claimed.type)
    if handler is None or not _is_for(claimed, handler):
        await _finish(engine, claimed.id, "ignored", clock.now())
        return
    try:
        event = _event(claimed)
        # Taken before asking: the answer is at least as new as this.
        moment = Moment(ids, clock.now())
        answer = await handler.ask(gateway, event) if handler.ask is not None else None
        await _apply(engine, claimed.id, handler, event, answer, moment)
    except Exception as error:  # whatever one event does, the others go on
        log.warning("webhook.failed", event_key=claimed.event_key, type=claimed.type, exception=trace(error))
        await _failed(engine, claimed, error, clock.now())


def _is_for(claimed: Claimed, handler: Handler) -> bool:
    """Whether it happened where our money moves: the platform's own payouts, and what contractors do with
    their accounts beside us, have the same types of events."""
    is_on_connected_account = claimed.account_id is not None
    return claimed.source == handler.source.value and is_on_connected_account is (handler.source is Source.CONNECT)


def _event(claimed: Claimed) -> Event:
    data: Any = json.loads(claimed.payload).get("data")
    stripe_object = data.get("object") if isinstance(data, dict) else None
    if not isinstance(stripe_object, dict):
        raise UnreadableObject("an event without an object")
    return Event(claimed.type, claimed.account_id, stripe_object)


@in_own_transaction
async def _claim(connection: AsyncConnection, now: datetime) -> Sequence[Claimed]:
    c = webhook_events.c
    columns = (c.id, c.event_key, c.source, c.type, c.account_id, c.payload, c.tries)
    rows = await due.claim(
        connection, webhook_events, *columns, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE
    )
    return sorted((Claimed(**row._mapping) for row in rows), key=lambda event: event.id)


@in_own_transaction
async def _apply(
    connection: AsyncConnection, event_id: int, handler: Handler, event: Event, answer: Any, moment: Moment
) -> None:
    c = webhook_events.c
    open_ = select(c.id).where(c.id == event_id, c.status == "new").with_for_update()
    if (await connection.execute(open_)).one_or_none() is None:
        return  # a worker whose lease ended finished it after all
    applied = await handler.apply(connection, event, answer, moment)
    await _mark(connection, event_id, "done" if applied else "ignored", moment.now)


@in_own_transaction
async def _finish(connection: AsyncConnection, event_id: int, status: str, now: datetime) -> None:
    await _mark(connection, event_id, status, now)


async def _mark(connection: AsyncConnection, event_id: int, status: str, now: datetime) -> None:
    await connection.execute(
        update(webhook_events)
        .where(webhook_events.c.id == event_id)
        .values(status=status, next_try_at=None, error=None, processed_at=now)
    )


@in_own_transaction
async def _failed(connection: AsyncConnection, claimed: Claimed, error: Exception, now: datetime) -> None:
    # While Stripe or PostgreSQL is out of reach, no number of tries says anything about the event.
    outage = isinstance(error, (OutcomeUnknown, StripeMisconfigured, OSError, Busy))
    is_parked = isinstance(error, UnreadableObject) or (claimed.tries >= TRIES_MAX and not outage)
    await due.try_later(
        connection,
        webhook_events,
        claimed.id,
        tries=claimed.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )
    keeps = {"error": type(error).__name__, **({"status": "parked", "next_try_at": None} if is_parked else {})}
    c = webhook_events.c
    await connection.execute(update(webhook_events).where(c.id == claimed.id, c.status == "new").values(**keeps))
    if is_parked:
        log.error("webhook.parked", event_key=claimed.event_key, type=claimed.type, error=type(error).__name__)
