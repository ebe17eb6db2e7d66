"""Take an event from Stripe: verify the bytes, store them once, answer. Nothing else happens in the request."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import in_own_transaction
from jobsphere.observability import logger
from jobsphere.stripe_gateway.signature import verify
from jobsphere.webhooks.envelope import Envelope, open_envelope
from jobsphere.webhooks.tables import webhook_events

log = logger(__name__)


class Source(StrEnum):
    """Which of our two endpoints an event came to; each has its own secrets."""

    PLATFORM = "platform"  # what happens on our own account
    CONNECT = "connect"  # what happens on contractors' accounts


async def receive(
    engine: AsyncEngine,
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
    is_new = await _store(engine, envelope, source, body, now)
    if is_new:
        tell_if_parked(envelope)
    return is_new


def tell_if_parked(envelope: Envelope) -> None:
    """Say in the log that a person must look at a new event."""
    if envelope.problem is not None:
        log.error("webhook.parked", event_key=envelope.event_key, type=envelope.type, error=envelope.problem)


@in_own_transaction
async def _store(
    connection: AsyncConnection, envelope: Envelope, source: Source, body: bytes, now: datetime
) -> bool:
    return bool(await put(connection, [(envelope, body)], source, now))


async def put(
    connection: AsyncConnection, events: Sequence[tuple[Envelope, bytes]], source: Source, now: datetime
) -> Sequence[str]:
    """Store those events that are not here yet, with the bytes that came; returns the keys of the new ones."""
    rows = [
        {
            "event_key": envelope.event_key,
            "source": source.value,
            "type": envelope.type,
            "account_id": envelope.account_id,
            "livemode": envelope.livemode,
            "payload": body,
            "received_at": now,
            "status": "parked" if envelope.problem else "new",
            "next_try_at": None if envelope.problem else now,
            "error": envelope.problem,
        }
        for envelope, body in events
    ]
    stored = await connection.execute(
        insert(webhook_events)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["event_key"])
        .returning(webhook_events.c.event_key)
    )
    keys: Sequence[str] = stored.scalars().all()
    return keys
