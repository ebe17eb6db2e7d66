"""Store notifications, in the database transaction of the fact they tell."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.notifications.notice import Notice
from jobsphere.notifications.tables import notifications
from jobsphere.rows import arrays, rows_of

_NAMES = ("reference", "user_id", "type", "title", "body", "data", "created_at")
_INSERT = (
    insert(notifications)
    .from_select(_NAMES, select(rows_of(notifications, *_NAMES)))
    .on_conflict_do_nothing(index_elements=["reference"])
)


async def notify(connection: AsyncConnection, notices: Sequence[Notice], *, now: datetime) -> None:
    """Store each notice, unless the same fact was told before."""
    if not notices:
        return
    rows = [
        {
            "reference": f"{notice.reference}:{notice.user_id}",
            "user_id": notice.user_id,
            "type": notice.type.value,
            "title": notice.title,
            "body": notice.body,
            "data": dict(notice.data),
            "created_at": now,
        }
        for notice in notices
    ]
    await connection.execute(_INSERT, arrays(rows))
