"""Go through the inbox: each event is handled and marked as done in one database transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import due
from jobsphere.clock import Clock, Ids
from jobsphere.database import Busy, in_own_transaction, reading
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.observability import logger
from jobsphere.payout_accounts.tables import payout_accounts
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import UnreadableObject
from jobsphere.traces import trace
from jobsphere.webhooks.envelope import read_json
from jobsphere.webhooks.handlers import HANDLERS, Event, Handler, Moment
from jobsphere.webhooks.receive import Source
from jobsphere.webhooks.tables import webhook_events

TRIES_MAX = 12
# An account may be told of before its id is stored here; after these (two minutes) it is nobody's.
UNKNOWN_ACCOUNT_TRIES_MAX = 6
TRY_GAP_SECONDS_MAX = 3600
BATCH_SIZE = 50
# An event that a worker took and did not finish is free for others after this.
LEASE_SECONDS = 30
AT_ONCE_MAX = 8

_ERROR_LENGTH_MAX = 200

log = logger(__name__)


class UnknownAccount(Exception):
    """It happened on a connected account that belongs to none of our contractors."""


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


async def process_due(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids, shortfall: Shortfall = Shortfall.DEBT
) -> int:
    """Handle what is due, at most ``BATCH_SIZE`` events; returns how many were taken.

    An event whose handler fails keeps its error and is tried again after a growing gap; after
    ``TRIES_MAX`` tries it is parked for a person. It never spoils another event.
    """
    claimed = await _claim(engine, clock.now())
    at_once = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(event: Claimed) -> None:
        async with at_once:
            await _handle(engine, gateway, clock, ids, shortfall, event)

    for outcome in await asyncio.gather(*(one(event) for event in claimed), return_exceptions=True):
        if isinstance(outcome, Exception):
            log.error("webhook.left_to_its_lease", exception=trace(outcome))
    return len(claimed)


async def _handle(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids, shortfall: Shortfall, claimed: Claimed
) -> None:
    handler = HANDLERS.get(claimed.type)
    try:
        if handler is None or not _is_for(claimed, handler):
            await _finish(engine, claimed.id, "ignored", clock.now())
            return
        await _require_known_account(engine, claimed.account_id)
        event = _event(claimed)
        # Taken before asking: the answer is at least as new as this.
        moment = Moment(ids, clock.now(), shortfall)
        answer = await handler.ask(gateway, event) if handler.ask is not None else None
        await _apply(engine, claimed.id, handler, event, answer, moment)
    except Exception as error:  # whatever one event does, the others go on
        log.warning("webhook.failed", event_key=claimed.event_key, type=claimed.type, exception=trace(error))
        await _failed(engine, claimed, error, clock.now())


def _is_for(claimed: Claimed, handler: Handler) -> bool:
    """Whether it happened where our money moves: the platform's own payouts, and what contractors do with
    their accounts beside us, have the same types of events."""
    if handler.source is Source.PLATFORM:
        return claimed.account_id is None and claimed.source == Source.PLATFORM.value
    if claimed.account_id is None and claimed.source == Source.CONNECT.value:
        raise UnreadableObject("an event of a connected account that does not name it")
    return claimed.account_id is not None


async def _require_known_account(engine: AsyncEngine, account_id: str | None) -> None:
    """Raises ``UnknownAccount`` unless it is the platform's own (None) or a contractor's."""
    if account_id is None:
        return
    ours = select(payout_accounts.c.account_id).where(payout_accounts.c.account_id == account_id)
    async with reading(engine) as connection:
        if (await connection.execute(ours)).one_or_none() is None:
            raise UnknownAccount(account_id)


def _event(claimed: Claimed) -> Event:
    try:
        data: Any = read_json(claimed.payload).get("data")
    except RecursionError as error:  # how deep one may go depends on how deep one is
        raise UnreadableObject("an event that is nested too deeply") from error
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
    is_parked = _is_parked(error, claimed.tries)
    await due.try_later(
        connection,
        webhook_events,
        claimed.id,
        tries=claimed.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )
    keeps = {"error": _why(error), **({"status": "parked", "next_try_at": None} if is_parked else {})}
    c = webhook_events.c
    await connection.execute(update(webhook_events).where(c.id == claimed.id, c.status == "new").values(**keeps))
    if is_parked:
        log.error("webhook.parked", event_key=claimed.event_key, type=claimed.type, error=_why(error))


def _is_parked(error: Exception, tries: int) -> bool:
    """Whether trying again is for a person to decide."""
    match error:
        case UnreadableObject() | Refused():  # neither the event nor Stripe will say anything else
            return True
        case OutcomeUnknown() | StripeMisconfigured() | OSError() | Busy():
            # While Stripe or PostgreSQL is out of reach, no number of tries says anything about the event.
            return False
        case UnknownAccount():
            return tries >= UNKNOWN_ACCOUNT_TRIES_MAX
        case _:
            return tries >= TRIES_MAX


def _why(error: Exception) -> str:
    """For a person: what kind of error, and its message where it is one of ours."""
    kind = type(error).__name__
    said = str(error) if type(error).__module__.startswith("jobsphere.") else ""
    shown = "".join(sign if sign.isprintable() else "?" for sign in said)[:_ERROR_LENGTH_MAX]
    return f"{kind}: {shown}" if shown else kind
