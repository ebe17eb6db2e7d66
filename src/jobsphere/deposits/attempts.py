"""Attempts as rows: written with the step they belong to, and read for people and limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits.attempt import Attempt, AttemptState
from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.tables import deposit_attempts
from jobsphere.rows import arrays, rows_of
from jobsphere.stripe_gateway.objects import Card

_KEEP_WHEN_UNKNOWN = ("payment_method_id", "card_fingerprint", "card_brand", "card_last4", "charge_id")
_ENDS = ("state", "failure_code", "ended_at")
_NAMES = ("deposit_id", "number", "started_at", *_KEEP_WHEN_UNKNOWN, *_ENDS)
_NEW = insert(deposit_attempts).from_select(_NAMES, select(rows_of(deposit_attempts, *_NAMES)))
_WRITE = _NEW.on_conflict_do_update(
    index_elements=["deposit_id", "number"],
    set_={
        **{name: func.coalesce(_NEW.excluded[name], deposit_attempts.c[name]) for name in _KEEP_WHEN_UNKNOWN},
        **{name: _NEW.excluded[name] for name in _ENDS},
    },
)


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt with its times, as its owner may see it."""

    attempt: Attempt
    started_at: datetime
    ended_at: datetime | None


async def begin_first(connection: AsyncConnection, deposit: Deposit, card: Card | None) -> None:
    """The attempt that a deposit begins with."""
    first = Attempt(deposit.attempt_number, AttemptState.OPEN, deposit.payment_method_id, card)
    await write(connection, [(deposit, first)], now=deposit.created_at)


async def write(
    connection: AsyncConnection, attempts: Sequence[tuple[Deposit, Attempt]], *, now: datetime
) -> None:
    """Store how attempts of deposits began or ended; what is not known of them any more stays as it was."""
    if attempts:
        rows = [_row(deposit.id, attempt, now) for deposit, attempt in attempts]
        await connection.execute(_WRITE, arrays(rows))


async def attempts_of(connection: AsyncConnection, deposit_id: UUID) -> list[Tried]:
    """Every attempt of a deposit, the first one first."""
    c = deposit_attempts.c
    rows = await connection.execute(select(deposit_attempts).where(c.deposit_id == deposit_id).order_by(c.number))
    return [
        Tried(
            Attempt(
                number=row.number,
                state=AttemptState(row.state),
                payment_method_id=row.payment_method_id,
                card=Card(row.card_fingerprint, row.card_brand, row.card_last4),
                charge_id=row.charge_id,
                failure_code=row.failure_code,
            ),
            row.started_at,
            row.ended_at,
        )
        for row in rows
    ]


def _row(deposit_id: UUID, attempt: Attempt, now: datetime) -> dict[str, object]:
    card = attempt.card or Card(None, None, None)
    return {
        "deposit_id": deposit_id,
        "number": attempt.number,
        "state": attempt.state.value,
        "payment_method_id": attempt.payment_method_id,
        "card_fingerprint": card.fingerprint,
        "card_brand": card.brand,
        "card_last4": card.last4,
        "charge_id": attempt.charge_id,
        "failure_code": attempt.failure_code,
        "started_at": now,
        "ended_at": None if attempt.state is AttemptState.OPEN else now,
    }
