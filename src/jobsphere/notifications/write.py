"""Store notifications, in the database transaction of the fact they tell."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.notifications.notice import Notice
from jobsphere.notifications.tables import notifications


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
    await connection.execute(
        insert(notifications).values(rows).on_conflict_do_nothing(index_elements=["reference"])
    )
