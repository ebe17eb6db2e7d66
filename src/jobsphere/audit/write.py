"""Add a row to the audit log, in the database transaction of the deed itself."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.tables import audit_log


async def write(
    connection: AsyncConnection,
    *,
    actor_id: UUID | None,
    action: str,
    subject: str,
    now: datetime,
    details: Mapping[str, str | int | None] | None = None,
) -> None:
    """Keep that ``actor_id`` (None: the system) did ``action`` ("offer.sent") to ``subject`` ("offer:<id>").

    ``details`` are facts without personal data or secrets: ids, minor units, reasons.
    """
    await connection.execute(
        insert(audit_log).values(
            at=now, actor_id=actor_id, action=action, subject=subject, details=dict(details or {})
        )
    )
