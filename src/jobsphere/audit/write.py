"""Add rows to the audit log, in the database transaction of the deed itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.tables import audit_log
from jobsphere.rows import arrays, rows_of

_NAMES = ("actor_id", "action", "subject", "at", "details")
_INSERT = insert(audit_log).from_select(_NAMES, select(rows_of(audit_log, *_NAMES)))


@dataclass(frozen=True, slots=True)
class Act:
    """``actor_id`` (None: the system) did ``action`` ("offer.sent") to ``subject`` ("offer:<id>").

    ``details`` are facts without personal data or secrets: ids, minor units, reasons.
    """

    actor_id: UUID | None
    action: str
    subject: str
    at: datetime
    details: Mapping[str, str | int | None] = field(default_factory=dict)


async def write(
    connection: AsyncConnection,
    *,
    actor_id: UUID | None,
    action: str,
    subject: str,
    now: datetime,
    details: Mapping[str, str | int | None] | None = None,
) -> None:
    """Keep one act; the arguments are those of ``Act``."""
    await write_acts(connection, [Act(actor_id, action, subject, now, details or {})])


async def write_all(connection: AsyncConnection, deeds: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Keep deeds of the system itself, at least one: each an action and its subject."""
    await write_acts(connection, [Act(None, action, subject, now) for action, subject in deeds])


async def write_acts(connection: AsyncConnection, acts: Sequence[Act]) -> None:
    """Keep acts, at least one, whoever did them."""
    await connection.execute(_INSERT, arrays([{name: getattr(act, name) for name in _NAMES} for act in acts]))
