"""Early fraud warnings: each opens a review, proposing to refund what is unspent and so to avoid a dispute."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.clock import Ids
from jobsphere.deposits import settle as deposits_settle
from jobsphere.deposits import store as deposits_store
from jobsphere.disputes import notices
from jobsphere.disputes.settle import admins
from jobsphere.disputes.tables import fraud_warnings
from jobsphere.notifications.write import notify
from jobsphere.refunds.request import quoted
from jobsphere.stripe_gateway.dispute import FraudWarning as Report
from jobsphere.stripe_gateway.objects import PaymentIntent


class WarningState(StrEnum):
    """What is true of a warning."""

    OPEN = "open"  # an admin is to look at it
    REVIEWED = "reviewed"  # an admin has
    OVERTAKEN = "overtaken"  # the payment was refunded or disputed: nothing is left to be done


class WarningNotFound(Exception):
    """There is no such early fraud warning, or it was reviewed already."""


@dataclass(frozen=True, slots=True)
class FraudWarning:
    """A card's bank calls a deposit fraudulent."""

    id: UUID
    deposit_id: UUID
    fraud_type: str
    state: WarningState
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    created_at: datetime


async def warning_seen(
    connection: AsyncConnection, report: Report, intent: PaymentIntent, *, ids: Ids, now: datetime
) -> bool:
    """Open a review, once; later events only close it. False when the payment is not of a deposit of ours."""
    # The warning may be told before the payment.
    if intent.status == "succeeded":
        await deposits_settle.payment_succeeded(connection, intent, now=now)
    deposit = await deposits_store.lock_by_payment_intent(connection, intent.id)
    if deposit is None:
        return False
    state = WarningState.OPEN if report.is_actionable else WarningState.OVERTAKEN
    new = await connection.execute(
        insert(fraud_warnings)
        .values(
            id=ids.new(),
            stripe_warning_id=report.id,
            deposit_id=deposit.id,
            fraud_type=report.fraud_type,
            state=state.value,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["stripe_warning_id"])
        .returning(fraud_warnings.c.id)
    )
    warning_id = new.scalar_one_or_none()
    if warning_id is None:
        await _overtake(connection, report)
    elif state is WarningState.OPEN:
        said = await quoted(connection, deposit.id, owner_id=None)
        told = [
            notices.warned(warning_id, deposit.id, admin_id, deposit.amount, said.refundable)
            for admin_id in await admins(connection)
        ]
        await notify(connection, told, now=now)
    return True


async def list_warnings(connection: AsyncConnection, *, open_only: bool, limit: int) -> list[FraudWarning]:
    """At most ``limit`` warnings, newest first."""
    c = fraud_warnings.c
    query = select(fraud_warnings).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    if open_only:
        query = query.where(c.state == WarningState.OPEN.value)
    return [_warning(row) for row in await connection.execute(query)]


async def review(
    connection: AsyncConnection, warning_id: UUID, *, reason: str, admin_id: UUID, now: datetime
) -> FraudWarning:
    """An admin has looked at it; what was decided is kept.

    Raises:
        WarningNotFound: there is none that is open.
    """
    c = fraud_warnings.c
    changed = await connection.execute(
        update(fraud_warnings)
        .where(c.id == warning_id, c.state == WarningState.OPEN.value)
        .values(state=WarningState.REVIEWED.value, reviewed_by=admin_id, reviewed_at=now)
        .returning(*c)
    )
    row = changed.one_or_none()
    if row is None:
        raise WarningNotFound
    await write_audit(
        connection,
        actor_id=admin_id,
        action="fraud_warning.reviewed",
        subject=f"fraud_warning:{warning_id}",
        now=now,
        details={"deposit_id": str(row.deposit_id), "reason": reason},
    )
    return _warning(row)


async def _overtake(connection: AsyncConnection, report: Report) -> None:
    if report.is_actionable:
        return
    c = fraud_warnings.c
    await connection.execute(
        update(fraud_warnings)
        .where(c.stripe_warning_id == report.id, c.state == WarningState.OPEN.value)
        .values(state=WarningState.OVERTAKEN.value)
    )


def _warning(row: Row[Any]) -> FraudWarning:
    facts = dict(row._mapping)
    del facts["stripe_warning_id"]
    return FraudWarning(**{**facts, "state": WarningState(row.state)})
