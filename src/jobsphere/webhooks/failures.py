"""What becomes of an event that could not be processed: tried again, or parked for a person with the reason."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere import due
from jobsphere.database import Busy, CommitOutcomeUnknown, in_own_transaction
from jobsphere.observability import logger
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import UnreadableObject
from jobsphere.webhooks.claim import Claimed
from jobsphere.webhooks.tables import webhook_events

TRIES_MAX = 12
# About three and a half days: as long as Stripe itself tries to deliver an event, and longer than outages last.
TRIES_IN_OUTAGE_MAX = 96
# An account may be told of before its id is stored here; after these (two minutes) it is nobody's.
TRIES_OF_UNKNOWN_ACCOUNT_MAX = 6
TRY_GAP_SECONDS_MAX = 3600

_ERROR_LENGTH_MAX = 200

log = logger(__name__)


class UnknownAccount(Exception):
    """It happened on a connected account that belongs to none of our contractors."""


class NobodyCameBack(Exception):
    """Whoever took the event never came to an end with it, time and again: it may be what kills workers."""


@in_own_transaction
async def failed(connection: AsyncConnection, claimed: Claimed, error: Exception, now: datetime) -> None:
    """Keep why; be due again after a gap that doubles, or parked if that is for a person to decide."""
    is_parked = _is_parked(error, claimed.tries)
    await due.try_later(
        connection,
        webhook_events,
        claimed.id,
        tries=claimed.tries,
        gap_seconds_max=TRY_GAP_SECONDS_MAX,
        now=now,
    )
    keeps = {"error": _why(error), "open_claims": 0}
    parks = {"status": "parked", "next_try_at": None} if is_parked else {}
    c = webhook_events.c
    await connection.execute(
        update(webhook_events).where(c.id == claimed.id, c.status == "new").values(**keeps, **parks)
    )
    if is_parked:
        log.error("webhook.parked", event_key=claimed.event_key, type=claimed.type, error=_why(error))


def _is_parked(error: Exception, tries: int) -> bool:
    """Whether trying again is for a person to decide."""
    match error:
        case UnreadableObject() | Refused() | NobodyCameBack():  # nothing else will be said of it
            return True
        case OutcomeUnknown() | StripeMisconfigured() | OSError() | Busy() | CommitOutcomeUnknown():
            # While Stripe or PostgreSQL is out of reach, tries say little about the event.
            return tries >= TRIES_IN_OUTAGE_MAX
        case UnknownAccount():
            return tries >= TRIES_OF_UNKNOWN_ACCOUNT_MAX
        case _:
            return tries >= TRIES_MAX


def _why(error: Exception) -> str:
    """For a person: what kind of error, and its message where it is one of ours."""
    kind = type(error).__name__
    said = str(error) if type(error).__module__.startswith("jobsphere.") else ""
    shown = "".join(sign if sign.isprintable() else "?" for sign in said)[:_ERROR_LENGTH_MAX]
    return f"{kind}: {shown}" if shown else kind
