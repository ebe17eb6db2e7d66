"""Work that waits in a table until it is due: claimed by one worker at a time, tried again after growing gaps.

Such a table has ``id``, ``tries`` and ``next_try_at``; the last is empty where there is nothing to do.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Row, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection


async def claim(
    connection: AsyncConnection,
    table: Table,
    *columns: Column[Any],
    now: datetime,
    lease_seconds: float,
    limit: int,
) -> Sequence[Row[Any]]:
    """The rows that are due, each with one try more; nobody else gets them until the lease is over.

    Returns ``columns`` of at most ``limit`` rows. A worker that dies loses its claim with the lease.
    """
    c = table.c
    due = select(c.id).where(c.next_try_at <= now).order_by(c.next_try_at).limit(limit)
    claimed = await connection.execute(
        update(table)
        .where(c.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
        .values(next_try_at=now + timedelta(seconds=lease_seconds), tries=c.tries + 1)
        .returning(*columns)
    )
    return claimed.all()


async def try_later(
    connection: AsyncConnection, table: Table, id_: UUID | int, *, tries: int, gap_seconds_max: int, now: datetime
) -> None:
    """Be due again after a gap that doubles with each try; what is not due any more stays so."""
    c = table.c
    gap = timedelta(seconds=min(2**tries, gap_seconds_max))
    await connection.execute(
        update(table).where(c.id == id_, c.next_try_at.is_not(None)).values(next_try_at=now + gap)
    )
