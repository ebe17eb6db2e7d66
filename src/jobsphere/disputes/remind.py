"""Remind admins of evidence that is due: 72, 24 and 6 hours before (lifecycle.md section 12), once each."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import in_own_transaction
from jobsphere.disputes import notices
from jobsphere.disputes.answer import AnswerState
from jobsphere.disputes.lifecycle import ANSWERABLE
from jobsphere.disputes.settle import admins
from jobsphere.disputes.tables import dispute_answers, disputes
from jobsphere.money import Money
from jobsphere.notifications.write import notify

HOURS_BEFORE = (6, 24, 72)


async def remind_due(engine: AsyncEngine, *, now: datetime) -> int:
    """Tell every admin of each open dispute that nobody answered; returns how many disputes are due soon.

    After a time without a worker only the latest reminder is given.
    """
    return await _remind(engine, now)


@in_own_transaction
async def _remind(connection: AsyncConnection, now: datetime) -> int:
    c, a = disputes.c, dispute_answers.c
    is_answered = exists().where(a.dispute_id == c.id, a.state != AnswerState.REFUSED.value)
    soon = now + timedelta(hours=max(HOURS_BEFORE))
    query = select(c.id, c.amount_minor, c.currency, c.evidence_due_at).where(
        c.state.in_([state.value for state in ANSWERABLE]),
        c.evidence_due_at > now,
        c.evidence_due_at <= soon,
        ~is_answered,
    )
    found = (await connection.execute(query)).all()
    people = await admins(connection) if found else []
    for row in found:
        hours = next(hours for hours in HOURS_BEFORE if row.evidence_due_at - now <= timedelta(hours=hours))
        amount = Money(row.amount_minor, row.currency)
        told = [notices.due_soon(row.id, person, amount, row.evidence_due_at, hours) for person in people]
        await notify(connection, told, now=now)
    return len(found)
