"""The timer: offers that nobody answered in time expire and give their money back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Ids, TimeOrderedIds
from jobsphere.database import in_own_transaction, reading
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.lock import claim_expired
from jobsphere.marketplace.offer import OfferState
from jobsphere.marketplace.store import Deed, save
from jobsphere.marketplace.tables import offers

_NEW_IDS = TimeOrderedIds()


async def expire_due(engine: AsyncEngine, *, now: datetime, limit: int, ids: Ids = _NEW_IDS) -> int:
    """Expire up to ``limit`` offers whose time is over, the longest overdue first; returns how many.

    After downtime it catches up; several workers may run it at once. An offer that cannot be expired keeps
    none of the others waiting.

    Raises:
        ExceptionGroup: what went wrong with single offers, after the rest is done.
    """
    expired, errors = 0, []
    for offer_id in await _due(engine, now, limit):
        try:
            expired += await _expire(engine, offer_id, ids=ids, now=now)
        except Exception as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup("offers that could not be expired", errors)
    return expired


async def _due(engine: AsyncEngine, now: datetime, limit: int) -> list[UUID]:
    c = offers.c
    query = select(c.id).where(c.state == OfferState.SENT.value, c.expires_at <= now)
    async with reading(engine) as connection:
        return list(await connection.scalars(query.order_by(c.expires_at, c.id).limit(limit)))


@in_own_transaction
async def _expire(connection: AsyncConnection, offer_id: UUID, *, ids: Ids, now: datetime) -> bool:
    """Whether this call expired it; not when somebody answered first or is doing so this moment."""
    claimed = await claim_expired(connection, offer_id, now)
    if claimed is None:
        return False
    job, offer = claimed
    await save(connection, [lifecycle.expire(job, offer, now=now)], Deed(None, now, ids))
    return True
