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

# So many times more attempts may be under way at once with a card that has not failed for a day.
TRUST = 10


class TooManyPayments(Exception):
    """The person has tried ``at_most`` payments within an hour."""

    def __init__(self, at_most: int) -> None:
        super().__init__(f"{at_most} an hour")
        self.at_most = at_most


class CardFailedTooOften(Exception):
    """The card failed, or may be failing just now, ``at_most`` times within a day, whoever tried it."""

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
    at_most = pace.card_failures_per_day_max
    declined, under_way = await _tries_since(connection, card.fingerprint, now - timedelta(days=1))
    # Each attempt under way may fail. Of a card that never did, its owner and others may be paying at once.
    if declined + under_way >= (at_most if declined else TRUST * at_most):
        raise CardFailedTooOften(at_most)


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


async def _tries_since(connection: AsyncConnection, fingerprint: str, moment: datetime) -> tuple[int, int]:
    """How many attempts with a card were declined, and how many have not ended."""
    c = deposit_attempts.c
    declined, under_way = (func.count().filter(c.state == state) for state in ("declined", "open"))
    query = select(declined, under_way).where(c.card_fingerprint == fingerprint, c.started_at > moment)
    found = (await connection.execute(query)).one()
    return int(found[0]), int(found[1])
