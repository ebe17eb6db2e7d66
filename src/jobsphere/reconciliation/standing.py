"""What is owed now: for each state that is not final, how many, how old, how much money, and what comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.money import Money
from jobsphere.reconciliation.lives import LIVES, Life
from jobsphere.reconciliation.obligations import Obligation, obligations_of


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are in one state; ``sums`` by currency, ``oldest_since`` None where there is nothing."""

    kind: str
    row: Obligation
    count: int
    over_limit: int
    oldest_since: datetime | None
    sums: Mapping[str, Money]


async def standings(connection: AsyncConnection, now: datetime) -> Sequence[Standing]:
    """Every row of the table of obligations, in its order, with what is in that state at ``now``."""
    return [
        standing
        for life in LIVES
        for standing in [await _standing(connection, life, row, now) for row in obligations_of(life)]
    ]


async def _standing(connection: AsyncConnection, life: Life, row: Obligation, now: datetime) -> Standing:
    currency = life.currency if life.currency is not None else null()
    amount = life.amount_minor if life.amount_minor is not None else literal(0)
    query = (
        select(
            currency,
            func.count(),
            func.count().filter(life.since <= now - row.limit),
            func.min(life.since),
            func.sum(amount),
        )
        .select_from(life.table)
        .where(life.state == row.state.value)
    )
    if life.currency is not None:
        query = query.group_by(life.currency)
    found = (await connection.execute(query)).all()
    return Standing(
        life.kind,
        row,
        count=sum(count for _, count, *_ in found),
        over_limit=sum(over for _, _, over, *_ in found),
        oldest_since=min((oldest for *_, oldest, _ in found if oldest), default=None),
        sums={currency: Money(int(minor), currency) for currency, *_, minor in found if currency is not None},
    )
