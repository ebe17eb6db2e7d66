"""Read Stripe's list of events, and put those that never came into the same inbox.

With every webhook lost, all still ends right. What was read is remembered by Stripe's own clock, per account; a
sweep reads it again from a while before, since events may appear late, and goes on after a crash with the page it
was at. The same event is stored once, whichever way it comes: its id is its name. Stripe keeps events for 30 days.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import literal, select, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import due
from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction
from jobsphere.observability import logger
from jobsphere.payout_accounts.tables import payout_accounts
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import AccountDisconnected, OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.events import EventsPage
from jobsphere.webhooks.envelope import Envelope, open_envelope
from jobsphere.webhooks.receive import Arrived, Source, put, tell_if_parked
from jobsphere.webhooks.tables import event_cursors, webhook_events

# How far back a sweep begins before the newest event that was read.
OVERLAP_SECONDS = 600
# Of 100 events each; a long sweep goes on in the next round, so that every account has its turn.
PAGES_MAX = 20
ACCOUNTS_AT_ONCE = 10
LEASE_SECONDS = 300
TRY_GAP_SECONDS_MAX = 900

_PLATFORM = "platform"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How often to read, and which mode's events are ours.

    A contractor's account is read less often: there are many, and few events of them matter.
    """

    livemode: bool
    seconds: int
    account_seconds: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the events of an account were read, in Unix seconds of Stripe's clock.

    In a sweep that is under way ``sweep_after`` is the event it goes on after, ``sweep_newest`` the first it saw.
    """

    id: int
    account: str
    read_to: int
    sweep_newest: int | None
    sweep_after: str | None
    tries: int

    @property
    def account_id(self) -> str | None:
        """Stripe's id of the connected account, None for the platform's own."""
        return None if self.account == _PLATFORM else self.account


async def catch_up(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, how: CatchUp) -> int:
    """Read what is due, at most ``ACCOUNTS_AT_ONCE`` accounts; returns how many were.

    While Stripe does not answer nothing is lost: the cursor stays where it is.
    """
    now = clock.now()
    await _know_accounts(engine, now)
    cursors = await _claim(engine, now)
    for cursor in cursors:
        try:
            await _sweep(engine, gateway, clock, how, cursor)
        except Refused:
            # The event it was to go on after is older than Stripe keeps them.
            await _start_again(engine, cursor.id)
            await _later(engine, cursor, clock.now())
        except AccountDisconnected:
            # It may come back; till then nothing of ours happens on it.
            await _rest(engine, cursor.id, clock.now() + timedelta(days=1))
        except (OutcomeUnknown, StripeMisconfigured):
            await _later(engine, cursor, clock.now())
    return len(cursors)


async def _sweep(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, how: CatchUp, cursor: Cursor) -> None:
    newest, after = cursor.sweep_newest, cursor.sweep_after
    since = max(0, cursor.read_to - OVERLAP_SECONDS)
    for _ in range(PAGES_MAX):
        page = await gateway.list_events(since=since, after=after, account_id=cursor.account_id)
        if newest is None:
            newest = page.newest if page.newest is not None else cursor.read_to
        after = page.last_id if page.has_more else None
        _tell(await _store_page(engine, cursor, page, newest, after, how, clock.now()), cursor)
        if after is None:
            return


@in_own_transaction
async def _store_page(
    connection: AsyncConnection,
    cursor: Cursor,
    page: EventsPage,
    newest: int,
    after: str | None,
    how: CatchUp,
    now: datetime,
) -> Sequence[Envelope]:
    source = Source.PLATFORM if cursor.account_id is None else Source.CONNECT
    found = [Arrived(open_envelope(body, livemode=how.livemode), body, source, now) for body in _bodies(page)]
    c = webhook_events.c
    keys = [event.envelope.event_key for event in found]
    known = set((await connection.execute(select(c.event_key).where(c.event_key.in_(keys)))).scalars())
    missing = [event for event in found if event.envelope.event_key not in known]
    stored = set(await put(connection, missing)) if missing else set()
    every = how.seconds if cursor.account_id is None else how.account_seconds
    sweep = (
        {"read_to": max(newest, cursor.read_to), "sweep_newest": None, "sweep_after": None}
        if after is None
        else {"sweep_newest": newest, "sweep_after": after}
    )
    next_at = now + timedelta(seconds=every) if after is None else now
    await connection.execute(
        update(event_cursors).where(event_cursors.c.id == cursor.id).values(**sweep, tries=0, next_try_at=next_at)
    )
    return [event.envelope for event in missing if event.envelope.event_key in stored]


def _bodies(page: EventsPage) -> Sequence[bytes]:
    # The list comes newest first; the inbox is worked through in the order of storing.
    return [json.dumps(event).encode() for event in reversed(page.events)]


def _tell(stored: Sequence[Envelope], cursor: Cursor) -> None:
    if stored:
        types = sorted({envelope.type or "no type" for envelope in stored})
        log.info("webhook.caught_up", account=cursor.account, count=len(stored), types=types)
    for envelope in stored:
        tell_if_parked(envelope)


@in_own_transaction
async def _know_accounts(connection: AsyncConnection, now: datetime) -> None:
    """A cursor for the platform and for each contractor's account; a new account is read from its beginning."""
    all_ = union_all(select(literal(_PLATFORM).label("account")), select(payout_accounts.c.account_id)).subquery()
    missing = select(all_.c.account, literal(now)).where(all_.c.account.not_in(select(event_cursors.c.account)))
    await connection.execute(
        insert(event_cursors)
        .from_select(["account", "next_try_at"], missing)
        .on_conflict_do_nothing(index_elements=["account"])
    )


@in_own_transaction
async def _claim(connection: AsyncConnection, now: datetime) -> Sequence[Cursor]:
    c = event_cursors.c
    columns = (c.id, c.account, c.read_to, c.sweep_newest, c.sweep_after, c.tries)
    rows = await due.claim(
        connection, event_cursors, *columns, now=now, lease_seconds=LEASE_SECONDS, limit=ACCOUNTS_AT_ONCE
    )
    return [Cursor(**row._mapping) for row in rows]


@in_own_transaction
async def _start_again(connection: AsyncConnection, cursor_id: int) -> None:
    await connection.execute(
        update(event_cursors).where(event_cursors.c.id == cursor_id).values(sweep_newest=None, sweep_after=None)
    )


@in_own_transaction
async def _later(connection: AsyncConnection, cursor: Cursor, now: datetime) -> None:
    await due.try_later(
        connection,
        event_cursors,
        cursor.id,
        tries=cursor.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )


@in_own_transaction
async def _rest(connection: AsyncConnection, cursor_id: int, until: datetime) -> None:
    await connection.execute(
        update(event_cursors).where(event_cursors.c.id == cursor_id).values(next_try_at=until)
    )
