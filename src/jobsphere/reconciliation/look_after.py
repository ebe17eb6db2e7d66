"""Go through what is owed for longer than normal: ask Stripe, and tell admins once of what is over its limit.

So all ends right with every webhook lost, and nothing waits without somebody knowing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Text, case, cast, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction, reading
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.identity.people import Role
from jobsphere.identity.tables import users
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.notifications.write import notify
from jobsphere.observability import logger
from jobsphere.reconciliation.lives import LIVES, Asking, Life
from jobsphere.reconciliation.obligations import Obligation, obligations_of
from jobsphere.reconciliation.tables import obligations
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.traces import trace

# Of each state in a round; the oldest come first.
AT_ONCE_MAX = 50
# What Stripe has no news of is asked about again after its normal age, then after twice that, and so on.
ASK_GAP_MIN, ASK_GAP_MAX = timedelta(minutes=1), timedelta(hours=6)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Overdue:
    """One thing that is in a state for longer than normal; it was asked about ``tries`` times there."""

    life: Life
    row: Obligation
    id: UUID | int
    tries: int

    @property
    def subject(self) -> str:
        """Names it, for the log and for people: ``deposit:<id>``."""
        return f"{self.life.kind}:{self.id}"

    def ask_again_at(self, now: datetime) -> datetime:
        """When it is asked about again, unless it has moved on by then."""
        doubled: int = 2 ** min(self.tries, 20)
        return now + min(max(self.row.normal, ASK_GAP_MIN) * doubled, ASK_GAP_MAX)


async def look_after(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids, shortfall: Shortfall = Shortfall.DEBT
) -> int:
    """Ask about everything that is due to be asked about, and raise the alerts; returns how many were asked.

    What Stripe does not answer is asked again later. One thing that cannot be settled keeps no other from it.
    """
    asking = Asking(engine, gateway, clock, ids, shortfall)
    asked = 0
    for life in LIVES:
        for row in obligations_of(life):
            for subject in await _alert(engine, await _over_limit(engine, life, row, clock.now()), clock.now()):
                log.error("obligation.over_limit", subject=subject, state=row.state.value, next_step=row.next_step)
            if life.ask is not None:
                for one in await _claim(engine, await _due(engine, life, row, clock.now()), clock.now()):
                    await _ask(asking, one)
                    asked += 1
    return asked


async def _ask(asking: Asking, one: Overdue) -> None:
    assert one.life.ask is not None
    assert isinstance(one.id, UUID)
    try:
        await one.life.ask(asking, one.id)
    except Exception as error:  # whatever one of them does, the others are asked about
        log.warning("obligation.not_settled", subject=one.subject, state=one.row.state, exception=trace(error))


async def _due(engine: AsyncEngine, life: Life, row: Obligation, now: datetime) -> Sequence[Overdue]:
    c = obligations.c
    is_due = or_(c.next_ask_at.is_(None), c.next_ask_at <= now, c.state != row.state.value)
    return await _older_than(engine, life, row, now - row.normal, is_due)


async def _over_limit(engine: AsyncEngine, life: Life, row: Obligation, now: datetime) -> Sequence[Overdue]:
    c = obligations.c
    is_untold = or_(c.alerted_at.is_(None), c.state != row.state.value)
    return await _older_than(engine, life, row, now - row.limit, is_untold)


async def _older_than(
    engine: AsyncEngine, life: Life, row: Obligation, since: datetime, where: ColumnElement[bool]
) -> Sequence[Overdue]:
    """The oldest, with how often they were asked about in this state."""
    id_ = life.table.c.id
    tries = case((obligations.c.state == row.state.value, obligations.c.tries), else_=0)
    query = (
        select(id_, tries)
        .select_from(_with_obligations(life))
        .where(life.state == row.state.value, life.since <= since, where)
        .order_by(life.since)
        .limit(AT_ONCE_MAX)
    )
    async with reading(engine) as connection:
        return [Overdue(life, row, found, count) for found, count in await connection.execute(query)]


def _with_obligations(life: Life) -> FromClause:
    subject = literal(f"{life.kind}:").concat(cast(life.table.c.id, Text))
    return life.table.outerjoin(obligations, obligations.c.subject == subject)


@in_own_transaction
async def _claim(connection: AsyncConnection, overdue: Sequence[Overdue], now: datetime) -> Sequence[Overdue]:
    """Those that no other worker asks about now."""
    if not overdue:
        return ()
    rows = [
        {
            "subject": one.subject,
            "state": one.row.state.value,
            "tries": one.tries + 1,
            "next_ask_at": one.ask_again_at(now),
        }
        for one in overdue
    ]
    new = insert(obligations).values(rows)
    c, excluded = obligations.c, new.excluded
    claimed = await connection.execute(
        new.on_conflict_do_update(
            index_elements=["subject"],
            set_={
                "state": excluded.state,
                "tries": excluded.tries,
                "next_ask_at": excluded.next_ask_at,
                "alerted_at": case((c.state == excluded.state, c.alerted_at)),
            },
            where=or_(c.next_ask_at.is_(None), c.next_ask_at <= now, c.state != excluded.state),
        ).returning(c.subject)
    )
    subjects = set(claimed.scalars())
    return [one for one in overdue if one.subject in subjects]


@in_own_transaction
async def _alert(connection: AsyncConnection, late: Sequence[Overdue], now: datetime) -> Sequence[str]:
    """Tell every admin of each once; returns what was not told before."""
    if not late:
        return ()
    new = insert(obligations).values(
        [{"subject": one.subject, "state": one.row.state.value, "alerted_at": now} for one in late]
    )
    c, excluded = obligations.c, new.excluded
    alerted = await connection.execute(
        new.on_conflict_do_update(
            index_elements=["subject"],
            set_={"state": excluded.state, "alerted_at": excluded.alerted_at},
            where=or_(c.alerted_at.is_(None), c.state != excluded.state),
        ).returning(c.subject)
    )
    subjects = set(alerted.scalars())
    told = [one for one in late if one.subject in subjects]
    await notify(connection, await _notices(connection, told), now=now)
    return [one.subject for one in told]


async def _notices(connection: AsyncConnection, late: Sequence[Overdue]) -> list[Notice]:
    admins = select(users.c.id).where(users.c.role == Role.ADMIN.value, users.c.is_active)
    return [
        Notice(
            reference=f"obligation:{one.subject}:{one.row.state.value}",
            user_id=admin_id,
            type=NoticeType.ATTENTION_NEEDED,
            title=f"A {one.life.kind} waits for too long",
            body=f"It is {one.row.state.value.replace('_', ' ')}. What to do: {one.row.next_step}.",
            data={"subject": one.subject, "state": one.row.state.value},
        )
        for admin_id in (await connection.execute(admins)).scalars()
        for one in late
    ]
