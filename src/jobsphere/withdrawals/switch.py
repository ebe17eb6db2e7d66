"""The kill switch: new withdrawals are refused while it is on, and those that are under way go on to their end."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.withdrawals.tables import switches

_NAME = "withdrawals_paused"


class WithdrawalsPaused(Exception):
    """An admin has stopped new withdrawals for everybody."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether new withdrawals are refused, and who said so last, when and why (all None: nobody ever did)."""

    is_on: bool
    reason: str | None = None
    changed_by: UUID | None = None
    changed_at: datetime | None = None


async def read(connection: AsyncConnection) -> Switch:
    """How it stands now, for every process."""
    row = (await connection.execute(select(switches).where(switches.c.name == _NAME))).one_or_none()
    return Switch(False) if row is None else Switch(row.is_on, row.reason, row.changed_by, row.changed_at)


async def turn(
    connection: AsyncConnection, *, is_on: bool, reason: str, actor_id: UUID | None, now: datetime
) -> Switch:
    """Stop new withdrawals, or let them in again, and keep who did it and why."""
    values = {"is_on": is_on, "reason": reason, "changed_by": actor_id, "changed_at": now}
    await connection.execute(
        insert(switches).values(name=_NAME, **values).on_conflict_do_update(index_elements=["name"], set_=values)
    )
    await write_audit(
        connection,
        actor_id=actor_id,
        action="withdrawals.paused" if is_on else "withdrawals.resumed",
        subject="platform",
        now=now,
        details={"reason": reason},
    )
    return Switch(is_on, reason, actor_id, now)


async def require_off(connection: AsyncConnection) -> None:
    """Raises ``WithdrawalsPaused`` while it is on."""
    if (await read(connection)).is_on:
        raise WithdrawalsPaused
