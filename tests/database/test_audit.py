"""The audit log: written with the deed, in its order, and rolled back with it."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.audit.write import write
from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading
from tests.database.conftest import Do


async def log(engine: AsyncEngine) -> list[tuple[object, ...]]:
    async with reading(engine) as connection:
        rows = await connection.execute(
            text("SELECT at, actor_id, action, subject, details FROM audit_log ORDER BY id")
        )
        return [tuple(row) for row in rows]


async def test_who_did_what_to_what_is_kept(
    engine: AsyncEngine, do: Do, ids: IdsFromSeed, clock: ClockMovedByHand
) -> None:
    actor = ids.new()
    facts: dict[str, str | int | None] = {"amount_minor": 500, "currency": "usd", "reason": None}

    async def work(connection: AsyncConnection) -> None:
        await write(connection, actor_id=actor, action="a", subject="offer:1", now=clock.now(), details=facts)
        await write(connection, actor_id=None, action="b", subject="offer:2", now=clock.now())

    await do(work)

    assert await log(engine) == [
        (clock.now(), actor, "a", "offer:1", facts),
        (clock.now(), None, "b", "offer:2", {}),
    ]


async def test_a_deed_that_did_not_happen_is_not_in_the_log(
    engine: AsyncEngine, do: Do, clock: ClockMovedByHand
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await write(connection, actor_id=None, action="a", subject="b", now=clock.now())
        raise LookupError

    with pytest.raises(LookupError):
        await do(work)

    assert await log(engine) == []
