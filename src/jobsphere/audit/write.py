"""Add a row to the audit log, in the database transaction of the deed itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.tables import audit_log
from jobsphere.rows import arrays, rows_of

_NAMES = ("at", "action", "subject", "details")
_INSERT_ALL = insert(audit_log).from_select(_NAMES, select(rows_of(audit_log, *_NAMES)))


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


async def write_all(connection: AsyncConnection, deeds: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Keep deeds of the system itself, at least one: each an action and its subject, as in ``write``."""
    rows = [{"at": now, "action": action, "subject": subject, "details": {}} for action, subject in deeds]
    await connection.execute(_INSERT_ALL, arrays(rows))
