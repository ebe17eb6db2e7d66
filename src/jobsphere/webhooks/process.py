"""Go through the inbox: each event is handled and marked as done in one database transaction.

Events that say all that is needed share one. What fails is left out of it, and never spoils another event.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction, reading
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.observability import logger
from jobsphere.payout_accounts.tables import payout_accounts
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.objects import UnreadableObject
from jobsphere.traces import trace
from jobsphere.webhooks import claim
from jobsphere.webhooks.claim import Claimed
from jobsphere.webhooks.envelope import read_json
from jobsphere.webhooks.failures import TRIES_MAX, NobodyCameBack, UnknownAccount, failed
from jobsphere.webhooks.handlers import HANDLERS, Event, Handler, Moment, Outcome
from jobsphere.webhooks.receive import Source
from jobsphere.webhooks.tables import webhook_events

# What is taken at once is what came while the last was handled; more than this waits for the next time.
TOGETHER_MAX = 500
AT_ONCE_MAX = 8

_with_ids = webhook_events.c.id == any_(bindparam("event_ids", type_=ARRAY(BigInteger)))
_LOCK_OPEN = (
    select(webhook_events.c.id)
    .where(_with_ids, webhook_events.c.status == "new")
    .order_by(webhook_events.c.id)
    .with_for_update()
)
_MARK = (
    update(webhook_events)
    .where(_with_ids)
    .values(status=bindparam("as_"), next_try_at=None, error=None, processed_at=bindparam("now"))
)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Deed:
    """An event with what it leads to. ``known`` is what was read of it, or what Stripe answered about it."""

    claimed: Claimed
    handler: Handler
    event: Event
    known: Any


@dataclass(frozen=True, slots=True)
class Processing:
    """What the worker does with the inbox; each method is one round and returns how many events it took.

    An event whose handler fails keeps its error and is tried again after a growing gap; after its last try it is
    parked for a person.
    """

    engine: AsyncEngine
    gateway: StripeGateway
    clock: Clock
    ids: Ids
    shortfall: Shortfall = Shortfall.DEBT

    async def settle(self) -> int:
        """Handle events that Stripe need not be asked about: together where that is possible, or else alone."""
        claimed = await self._claim(claim.of_other_types(_asked_about()), TOGETHER_MAX)
        deeds = await self._read(claimed)
        # What has failed once may fail again, and would send all the others on the slow way.
        first, others = _split(deeds)
        await self._together(first)
        await self._each_alone(others)
        return len(claimed)

    async def ask(self) -> int:
        """Handle events that Stripe must be asked about; while it hangs, the others go on."""
        claimed = await self._claim(claim.of_types(_asked_about()), AT_ONCE_MAX)
        await self._each_alone(await self._read(claimed))
        return len(claimed)

    async def retry_left_over(self) -> int:
        """Handle one event that its worker did not come back from: alone, so that it takes no other with it."""
        claimed = await self._claim(claim.left_over, 1)
        for event in claimed:
            if event.open_claims > TRIES_MAX:
                await self._fail(event, NobodyCameBack(f"{TRIES_MAX} times"))
            else:
                await self._each_alone(await self._read([event]))
        return len(claimed)

    async def _claim(self, which: ColumnElement[bool], limit: int) -> Sequence[Claimed]:
        return await _claim(self.engine, which, self.clock.now(), limit)

    async def _read(self, claimed: Sequence[Claimed]) -> list[Deed]:
        """What is to be done about them; where it is nothing, they are finished here."""
        deeds, for_nobody = [], []
        for event in claimed:
            try:
                deed = _deed(event)
            except Exception as error:  # whatever one event holds, the others go on
                await self._fail(event, error)
                continue
            if deed is None:
                for_nobody.append(event.id)
            else:
                deeds.append(deed)
        if for_nobody:
            await _finish(self.engine, for_nobody, self.clock.now())
        return deeds

    async def _together(self, deeds: Sequence[Deed]) -> None:
        if not deeds:
            return
        try:
            outcomes = await _apply(self.engine, deeds, self._moment())
        except OSError:
            raise  # PostgreSQL is away, for one event as for many
        except Exception as error:
            log.warning("webhook.batch_failed", count=len(deeds), exception=trace(error))
            await self._each_alone(deeds)
            return
        for deed in deeds:
            if isinstance(outcome := outcomes.get(deed.claimed.id), Exception):
                await self._fail(deed.claimed, outcome)

    async def _each_alone(self, deeds: Sequence[Deed]) -> None:
        at_once = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(deed: Deed) -> None:
            async with at_once:
                await self._alone(deed)

        for outcome in await asyncio.gather(*(one(deed) for deed in deeds), return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("webhook.left_to_its_lease", exception=trace(outcome))

    async def _alone(self, deed: Deed) -> None:
        try:
            await _require_known_account(self.engine, deed.event.account_id)
            # Taken before asking: the answer is at least as new as this.
            moment = self._moment()
            if deed.handler.ask is not None:
                deed = replace(deed, known=await deed.handler.ask(self.gateway, deed.event))
            outcomes = await _apply(self.engine, [deed], moment)
            for outcome in outcomes.values():
                if isinstance(outcome, Exception):
                    raise outcome
        except Exception as error:  # whatever one event does, the others go on
            await self._fail(deed.claimed, error)

    async def _fail(self, claimed: Claimed, error: Exception) -> None:
        log.warning("webhook.failed", event_key=claimed.event_key, type=claimed.type, exception=trace(error))
        await failed(self.engine, claimed, error, self.clock.now())

    def _moment(self) -> Moment:
        return Moment(self.ids, self.clock.now(), self.shortfall)


def _asked_about() -> list[str]:
    return [type_ for type_, handler in HANDLERS.items() if handler.ask is not None]


def _split(deeds: Iterable[Deed]) -> tuple[list[Deed], list[Deed]]:
    """Those that can be applied together, and those that go alone."""
    first: list[Deed] = []
    others: list[Deed] = []
    for deed in deeds:
        can_join = deed.handler.together is not None and deed.claimed.tries == 1
        (first if can_join else others).append(deed)
    return first, others


def _deed(claimed: Claimed) -> Deed | None:
    """What it leads to, None if to nothing.

    Raises:
        UnreadableObject: it lacks what its handler needs.
    """
    handler = HANDLERS.get(claimed.type)
    if handler is None or not _is_for(claimed, handler):
        return None
    event = _event(claimed)
    return Deed(claimed, handler, event, handler.together.read(event.object) if handler.together else None)


def _is_for(claimed: Claimed, handler: Handler) -> bool:
    """Whether it happened where our money moves: the platform's own payouts, and what contractors do with
    their accounts beside us, have the same types of events."""
    if handler.source is Source.PLATFORM:
        return claimed.account_id is None and claimed.source == Source.PLATFORM.value
    if claimed.account_id is None and claimed.source == Source.CONNECT.value:
        raise UnreadableObject("an event of a connected account that does not name it")
    return claimed.account_id is not None


def _event(claimed: Claimed) -> Event:
    try:
        data: Any = read_json(claimed.payload).get("data")
    except RecursionError as error:  # how deep one may go depends on how deep one is
        raise UnreadableObject("an event that is nested too deeply") from error
    except ValueError as error:  # when it came it was only named (``envelope.glance``)
        raise UnreadableObject("an event that does not mean one thing to everybody") from error
    stripe_object = data.get("object") if isinstance(data, dict) else None
    if not isinstance(stripe_object, dict):
        raise UnreadableObject("an event without an object")
    return Event(claimed.type, claimed.account_id, stripe_object)


async def _require_known_account(engine: AsyncEngine, account_id: str | None) -> None:
    """Raises ``UnknownAccount`` unless it is the platform's own (None) or a contractor's."""
    if account_id is None:
        return
    ours = select(payout_accounts.c.account_id).where(payout_accounts.c.account_id == account_id)
    async with reading(engine) as connection:
        if (await connection.execute(ours)).one_or_none() is None:
            raise UnknownAccount(account_id)


@in_own_transaction
async def _claim(
    connection: AsyncConnection, which: ColumnElement[bool], now: datetime, limit: int
) -> Sequence[Claimed]:
    return await claim.claim(connection, which, now=now, limit=limit)


@in_own_transaction
async def _apply(connection: AsyncConnection, deeds: Sequence[Deed], moment: Moment) -> Mapping[int, Outcome]:
    """Store what follows from events, and mark them; returns what came of each, by its id.

    What is refused stays as it was; what a worker finished whose lease had ended is left out.
    """
    ids = [deed.claimed.id for deed in deeds]
    open_ = set((await connection.execute(_LOCK_OPEN, {"event_ids": ids})).scalars())
    outcomes: dict[int, Outcome] = {}
    by_verb: dict[Any, list[Deed]] = {}
    for deed in deeds:
        if deed.claimed.id in open_:
            by_verb.setdefault(_verb(deed.handler), []).append(deed)
    for theirs in by_verb.values():
        found = await _apply_by(connection, theirs[0].handler, theirs, moment)
        outcomes.update(zip((deed.claimed.id for deed in theirs), found, strict=True))
    await _mark(connection, [id_ for id_, outcome in outcomes.items() if outcome is True], "done", moment.now)
    await _mark(connection, [id_ for id_, outcome in outcomes.items() if outcome is False], "ignored", moment.now)
    return outcomes


def _verb(handler: Handler) -> Any:
    """What types of events have in common that are applied at once, in the order in which they came."""
    return handler.together.apply if handler.together is not None else handler.apply


async def _apply_by(
    connection: AsyncConnection, handler: Handler, deeds: Sequence[Deed], moment: Moment
) -> Sequence[Outcome]:
    if handler.together is not None:
        return await handler.together.apply(connection, [deed.known for deed in deeds], moment.now)
    assert handler.apply is not None
    return [await handler.apply(connection, deed.event, deed.known, moment) for deed in deeds]


@in_own_transaction
async def _finish(connection: AsyncConnection, event_ids: Sequence[int], now: datetime) -> None:
    """Mark events that lead to nothing."""
    await _mark(connection, event_ids, "ignored", now)


async def _mark(connection: AsyncConnection, event_ids: Sequence[int], status: str, now: datetime) -> None:
    if event_ids:
        await connection.execute(_MARK, {"event_ids": list(event_ids), "as_": status, "now": now})
