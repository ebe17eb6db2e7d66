"""Take an event from Stripe: verify the bytes, store them once, answer. Nothing else happens in the request."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import in_own_transaction
from jobsphere.observability import logger
from jobsphere.stripe_gateway.signature import verify
from jobsphere.webhooks.tables import webhook_events

log = logger(__name__)


class Source(StrEnum):
    """Which of our two endpoints an event came to; each has its own secrets."""

    PLATFORM = "platform"  # what happens on our own account
    CONNECT = "connect"  # what happens on contractors' accounts


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of an event without understanding it; ``problem`` says why it cannot be processed."""

    event_key: str
    type: str | None = None
    account_id: str | None = None
    livemode: bool | None = None
    problem: str | None = None


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
    if is_new and envelope.problem is not None:
        log.error("webhook.parked", event_key=envelope.event_key, type=envelope.type, error=envelope.problem)
    return is_new


def open_envelope(body: bytes, *, livemode: bool) -> Envelope:
    """Read what names an event; a body that nobody can read is named by its SHA-256."""
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Envelope(digest, problem="not JSON")
    if not isinstance(event, dict) or event.get("object") != "event":
        return Envelope(digest, problem="not an event")
    envelope = Envelope(
        event_key=_text(event, "id") or digest,
        type=_text(event, "type"),
        account_id=_text(event, "account"),
        livemode=event.get("livemode") if isinstance(event.get("livemode"), bool) else None,
    )
    return _with_problem(envelope, livemode)


def _with_problem(envelope: Envelope, livemode: bool) -> Envelope:
    if envelope.type is None:
        problem = "no type"
    elif envelope.livemode is not None and envelope.livemode is not livemode:
        # Connect endpoints in production get test events too (stripe.md section 8).
        problem = "live event in test mode" if envelope.livemode else "test event in live mode"
    else:
        return envelope
    return Envelope(envelope.event_key, envelope.type, envelope.account_id, envelope.livemode, problem)


def _text(event: dict[str, Any], name: str) -> str | None:
    """A text that PostgreSQL can hold, of a length that makes sense."""
    value = event.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255 or "\x00" in value or not value.isprintable():
        return None
    return value


@in_own_transaction
async def _store(
    connection: AsyncConnection, envelope: Envelope, source: Source, body: bytes, now: datetime
) -> bool:
    stored = await connection.execute(
        insert(webhook_events)
        .values(
            event_key=envelope.event_key,
            source=source.value,
            type=envelope.type,
            account_id=envelope.account_id,
            livemode=envelope.livemode,
            payload=body,
            received_at=now,
            status="parked" if envelope.problem else "new",
            next_try_at=None if envelope.problem else now,
            error=envelope.problem,
        )
        .on_conflict_do_nothing(index_elements=["event_key"])
        .returning(webhook_events.c.id)
    )
    return stored.one_or_none() is not None
