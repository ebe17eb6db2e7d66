"""Take an event from Stripe: verify the bytes, store them once, answer. Nothing else happens in the request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import DatabaseTransaction, sqlstate
from jobsphere.gathering import Gathering
from jobsphere.observability import logger
from jobsphere.stripe_gateway.signature import verify
from jobsphere.webhooks.envelope import Envelope, open_envelope

# What one INSERT carries at most; the rest goes with the next.
BATCH_MAX = 256

log = logger(__name__)

_INSERT = """
    INSERT INTO webhook_events
        (event_key, source, type, account_id, livemode, payload, received_at, status, next_try_at, error)
    SELECT event_key, source, type, account_id, livemode, payload, received_at,
           CASE WHEN error IS NULL THEN 'new' ELSE 'parked' END,
           CASE WHEN error IS NULL THEN received_at END, error
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::bytea[], $7::timestamptz[],
                $8::text[])
        AS event (event_key, source, type, account_id, livemode, payload, received_at, error)
    ON CONFLICT (event_key) DO NOTHING
    RETURNING event_key
"""


_STORE = DatabaseTransaction("webhooks.receive.store")


class Source(StrEnum):
    """Which of our two endpoints an event came to; each has its own secrets."""

    PLATFORM = "platform"  # what happens on our own account
    CONNECT = "connect"  # what happens on contractors' accounts


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event that may be stored: what is known of it, the bytes that came, where and when."""

    envelope: Envelope
    body: bytes
    source: Source
    at: datetime


class Inbox:
    """Stores the events of requests that run at the same time together, with one INSERT and one COMMIT.

    What goes together is what arrived while the last ones were committed: nobody waits for company (ADR 19).
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._gathering = Gathering(self._store_together, at_most=BATCH_MAX)

    async def store(self, event: Arrived) -> bool:
        """Return when the event is stored for good: True when it is new, False when it is here already.

        Raises:
            Exception: PostgreSQL refused, is away, or was lost while committing; Stripe sends it again.
        """
        outcome = await self._gathering.do(event)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _store_together(self, events: Sequence[Arrived]) -> list[bool | Exception]:
        """Whether each is new, or what kept it from being stored: of one that PostgreSQL refuses, only itself."""
        try:
            new = set(await _store(self._engine, events))
        except Exception as error:  # whatever it is, each request must hear of it
            if len(events) > 1 and _is_of_one_event(error):
                return [outcome for event in events for outcome in await self._store_together([event])]
            return [error] * len(events)
        outcomes: list[bool | Exception] = []
        for event in events:
            outcomes.append(event.envelope.event_key in new)
            new.discard(event.envelope.event_key)  # another delivery of it in this batch is the second
        return outcomes


def _is_of_one_event(error: Exception) -> bool:
    """Whether PostgreSQL refused what one of the events holds (SQLSTATE classes 22 and 23)."""
    return isinstance(error, DBAPIError) and (sqlstate(error) or "").startswith(("22", "23"))


async def receive(
    inbox: Inbox,
    *,
    source: Source,
    body: bytes,
    signature: str | None,
    secrets: Sequence[str],
    livemode: bool,
    now: datetime,
) -> bool:
    """Store a genuine event. True when it is new, False when it is here already.

    Raises:
        WrongSignature: it is not Stripe's, too old, or from the future; nothing is stored.
    """
    verify(body, signature, secrets, now)
    envelope = open_envelope(body, livemode=livemode)
    is_new = await inbox.store(Arrived(envelope, body, source, now))
    if is_new:
        tell_if_parked(envelope)
    return is_new


def tell_if_parked(envelope: Envelope) -> None:
    """Say in the log that a person must look at a new event."""
    if envelope.problem is not None:
        log.error("webhook.parked", event_key=envelope.event_key, type=envelope.type, error=envelope.problem)


async def _store(engine: AsyncEngine, events: Sequence[Arrived]) -> Sequence[str]:
    return await _STORE.run_statement(engine, _INSERT, *_columns(events))


async def put(connection: AsyncConnection, events: Sequence[Arrived]) -> Sequence[str]:
    """Store those events that are not here yet, with the bytes that came; returns the keys of the new ones."""
    stored = await connection.exec_driver_sql(_INSERT, _columns(events))
    return stored.scalars().all()


def _columns(events: Sequence[Arrived]) -> tuple[Sequence[object], ...]:
    envelopes = [event.envelope for event in events]
    return (
        [envelope.event_key for envelope in envelopes],
        [event.source.value for event in events],
        [envelope.type for envelope in envelopes],
        [envelope.account_id for envelope in envelopes],
        [envelope.livemode for envelope in envelopes],
        [event.body for event in events],
        [event.at for event in events],
        [envelope.problem for envelope in envelopes],
    )
