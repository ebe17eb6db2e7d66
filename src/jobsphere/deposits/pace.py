"""How often somebody may try to pay, and a card may fail: kept also when many requests come at once.

Whoever tries stolen cards needs many tries; whoever pays needs few.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits.tables import deposit_attempts, deposits
from jobsphere.stripe_gateway.objects import Card


class TooManyPayments(Exception):
    """The person has tried ``at_most`` payments within an hour."""

    def __init__(self, at_most: int) -> None:
        super().__init__(f"{at_most} an hour")
        self.at_most = at_most


class CardFailedTooOften(Exception):
    """The card failed, or is being tried, ``at_most`` times within a day, whoever tried it."""

    def __init__(self, at_most: int) -> None:
        super().__init__(f"{at_most} a day")
        self.at_most = at_most


@dataclass(frozen=True, slots=True)
class Pace:
    """How many attempts at payments a person has in an hour, and how often one card may fail in a day."""

    payments_per_hour_max: int = 10
    card_failures_per_day_max: int = 10


USUAL_PACE = Pace()


async def require_pace(
    connection: AsyncConnection, pace: Pace, *, wallet_id: UUID, card: Card | None, now: datetime
) -> None:
    """Whether one more attempt is allowed; until the database transaction ends nobody else decides on the same.

    Raises:
        TooManyPayments: not by this person, for now.
        CardFailedTooOften: not with this card, for now.
    """
    await _alone(connection, f"payments into {wallet_id}")
    if await _payments_since(connection, wallet_id, now - timedelta(hours=1)) >= pace.payments_per_hour_max:
        raise TooManyPayments(pace.payments_per_hour_max)
    if card is None or card.fingerprint is None:
        return
    await _alone(connection, f"payments with {card.fingerprint}")
    if (
        await _failures_since(connection, card.fingerprint, now - timedelta(days=1))
        >= pace.card_failures_per_day_max
    ):
        raise CardFailedTooOften(pace.card_failures_per_day_max)


async def _alone(connection: AsyncConnection, subject: str) -> None:
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(subject, 0))))


async def _payments_since(connection: AsyncConnection, wallet_id: UUID, moment: datetime) -> int:
    query = (
        select(func.count())
        .select_from(deposit_attempts.join(deposits))
        .where(
            deposits.c.wallet_id == wallet_id,
            deposits.c.attempted_at > moment,
            deposit_attempts.c.started_at > moment,
        )
    )
    return int((await connection.execute(query)).scalar_one())


async def _failures_since(connection: AsyncConnection, fingerprint: str, moment: datetime) -> int:
    """Attempts that are open count, too: each of them may fail."""
    c = deposit_attempts.c
    query = select(func.count()).where(
        c.card_fingerprint == fingerprint, c.started_at > moment, c.state.in_(("declined", "open"))
    )
    return int((await connection.execute(query)).scalar_one())
