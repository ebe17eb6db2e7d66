"""The timer: offers that nobody answered in time expire and give their money back."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Ids, TimeOrderedIds
from jobsphere.database import in_own_transaction, reading
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.lock import claim_expired
from jobsphere.marketplace.offer import OfferState
from jobsphere.marketplace.store import Deed, save
from jobsphere.marketplace.tables import offers

_NEW_IDS = TimeOrderedIds()


class _Due(NamedTuple):
    expires_at: datetime
    id: UUID


async def expire_due(engine: AsyncEngine, *, now: datetime, limit: int, ids: Ids = _NEW_IDS) -> int:
    """Expire about ``limit`` offers whose time is over, the longest overdue first; returns how many.

    After downtime it catches up; several workers may run it at once. An offer that cannot be expired keeps
    none of the others waiting.

    Raises:
        ExceptionGroup: what went wrong with single offers, after the rest is done.
    """
    expired, errors = 0, []
    last: _Due | None = None
    while expired < limit and (page := await _due(engine, now, limit, last)):
        last = page[-1]
        for due in page:
            try:
                expired += await _expire(engine, due.id, ids=ids, now=now)
            except Exception as error:
                errors.append(error)
    if errors:
        raise ExceptionGroup("offers that could not be expired", errors)
    return expired


async def _due(engine: AsyncEngine, now: datetime, limit: int, after: _Due | None) -> list[_Due]:
    c = offers.c
    query = select(c.expires_at, c.id).where(c.state == OfferState.SENT.value, c.expires_at <= now)
    if after is not None:
        query = query.where(tuple_(c.expires_at, c.id) > tuple_(after.expires_at, after.id))
    async with reading(engine) as connection:
        rows = await connection.execute(query.order_by(c.expires_at, c.id).limit(limit))
    return [_Due(*row) for row in rows]


@in_own_transaction
async def _expire(connection: AsyncConnection, offer_id: UUID, *, ids: Ids, now: datetime) -> bool:
    """Whether this call expired it; not when somebody answered first or is doing so this moment."""
    claimed = await claim_expired(connection, offer_id, now)
    if claimed is None:
        return False
    job, offer = claimed
    await save(connection, [lifecycle.expire(job, offer, now=now)], Deed(None, now, ids))
    return True
