"""What a person is told: list it, mark it as read."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import DatabaseTransaction, reading
from jobsphere.identity.people import User
from jobsphere.notifications.inbox import Notification, count_unread, list_notifications, mark_read
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("notifications")

MARK_READ = DatabaseTransaction("notifications.mark_read")

Anybody = Annotated[User, Depends(allow())]
BIGINT_MAX = 2**63 - 1
NotificationId = Annotated[int, Path(ge=1, le=BIGINT_MAX)]


@routes.get("/api/notifications")
async def notifications(
    context: CurrentContext,
    caller: Anybody,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[int | None, Query(ge=1, le=BIGINT_MAX)] = None,
    unread: bool = False,
) -> JSONResponse:
    """Your notifications, newest first; `nextCursor` leads to older ones and is null at the end."""
    async with reading(context.engine) as connection:
        page = await list_notifications(connection, caller.id, before_id=cursor, limit=limit, unread_only=unread)
        unread_count = await count_unread(connection, caller.id)
    data = {
        "notifications": [_data(one) for one in page],
        "unreadCount": unread_count,
        "nextCursor": page[-1].id if len(page) == limit else None,
    }
    return answer("Your notifications, newest first.", data).response()


@routes.post("/api/notifications/{notification_id}/read")
async def read(notification_id: NotificationId, context: CurrentContext, caller: Anybody) -> JSONResponse:
    """Mark one of your notifications as read; doing it again changes nothing."""

    async def work(connection: AsyncConnection) -> Notification:
        return await mark_read(connection, caller.id, notification_id, now=context.clock.now())

    marked = await MARK_READ.run(context.engine, work)
    return answer("Marked as read.", _data(marked)).response()


def _data(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.id,
        "type": notification.type,
        "title": notification.title,
        "body": notification.body,
        "data": dict(notification.data),
        "isRead": notification.read_at is not None,
        "readAt": notification.read_at,
        "createdAt": notification.created_at,
    }
