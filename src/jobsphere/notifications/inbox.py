"""What a person reads: their notifications, newest first, and marking them as read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.notifications.tables import notifications


class NotificationNotFound(Exception):
    """There is no such notification for this person."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A stored notice."""

    id: int
    type: str
    title: str
    body: str
    data: Mapping[str, str]
    created_at: datetime
    read_at: datetime | None


async def list_notifications(
    connection: AsyncConnection,
    user_id: UUID,
    *,
    before_id: int | None,
    limit: int,
    unread_only: bool = False,
) -> list[Notification]:
    """At most ``limit`` notifications of the person, newest first, older than ``before_id``."""
    query = select(notifications).where(notifications.c.user_id == user_id)
    if before_id is not None:
        query = query.where(notifications.c.id < before_id)
    if unread_only:
        query = query.where(notifications.c.read_at.is_(None))
    rows = await connection.execute(query.order_by(notifications.c.id.desc()).limit(limit))
    return [_notification(row) for row in rows]


async def count_unread(connection: AsyncConnection, user_id: UUID) -> int:
    """How many notifications the person has not read."""
    query = select(func.count()).where(notifications.c.user_id == user_id, notifications.c.read_at.is_(None))
    return (await connection.execute(query)).scalar_one()


async def mark_read(
    connection: AsyncConnection, user_id: UUID, notification_id: int, *, now: datetime
) -> Notification:
    """Mark one as read; reading it again keeps the first time.

    Raises:
        NotificationNotFound: no notification of this person has that id.
    """
    c = notifications.c
    changed = await connection.execute(
        update(notifications)
        .where(c.id == notification_id, c.user_id == user_id)
        .values(read_at=func.coalesce(c.read_at, now))
        .returning(*c)
    )
    row = changed.one_or_none()
    if row is None:
        raise NotificationNotFound
    return _notification(row)


def _notification(row: Row[Any]) -> Notification:
    return Notification(row.id, row.type, row.title, row.body, row.data, row.created_at, row.read_at)
