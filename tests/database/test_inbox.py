"""The inbox under many requests at once: stored together, each once, and none spoils another."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand
from jobsphere.database import create_engine, reading
from jobsphere.webhooks.envelope import Envelope
from jobsphere.webhooks.receive import BATCH_MAX, Arrived, Inbox, Source


@pytest.fixture
def arrived(clock: ClockMovedByHand) -> Arrived:
    return Arrived(Envelope("evt_1", "payment_intent.succeeded"), b"{}", Source.PLATFORM, clock.now())


def named(arrived: Arrived, key: str) -> Arrived:
    return replace(arrived, envelope=replace(arrived.envelope, event_key=key))


async def stored_by_commit(engine: AsyncEngine) -> list[int]:
    """How many events each database transaction stored."""
    async with reading(engine) as connection:
        counts = await connection.execute(text("SELECT count(*) FROM webhook_events GROUP BY xmin::text"))
        return sorted(counts.scalars())


async def test_what_arrives_during_a_commit_shares_the_next(engine: AsyncEngine, arrived: Arrived) -> None:
    inbox = Inbox(engine)
    # The connection is there already, as it is in a running server.
    await inbox.store(arrived)

    news = await asyncio.gather(*(inbox.store(named(arrived, f"evt_{n}")) for n in range(2, 2 + BATCH_MAX)))

    assert news == [True] * BATCH_MAX
    assert await stored_by_commit(engine) == [1, BATCH_MAX]


async def test_no_more_than_a_batch_shares_a_commit(engine: AsyncEngine, arrived: Arrived) -> None:
    inbox = Inbox(engine)

    await asyncio.gather(*(inbox.store(named(arrived, f"evt_{n}")) for n in range(BATCH_MAX + 3)))

    assert await stored_by_commit(engine) == [3, BATCH_MAX]


async def test_of_deliveries_of_one_event_at_once_one_is_the_first(engine: AsyncEngine, arrived: Arrived) -> None:
    inbox = Inbox(engine)

    news = await asyncio.gather(*(inbox.store(arrived) for _ in range(20)))

    assert sorted(news) == [False] * 19 + [True]
    assert not await inbox.store(arrived)
    assert await stored_by_commit(engine) == [1]


async def test_an_event_that_postgresql_refuses_spoils_no_other(engine: AsyncEngine, arrived: Arrived) -> None:
    inbox = Inbox(engine)
    refused = replace(arrived, envelope=Envelope("evt_bad", "a type with \x00 in it"))

    said = await asyncio.gather(
        *(inbox.store(one) for one in (named(arrived, "evt_a"), refused, named(arrived, "evt_b"))),
        return_exceptions=True,
    )

    assert said[0] is True
    assert isinstance(said[1], DBAPIError)
    assert said[2] is True
    assert await stored_by_commit(engine) == [1, 1]


async def test_a_request_that_goes_away_leaves_its_event_stored(engine: AsyncEngine, arrived: Arrived) -> None:
    inbox = Inbox(engine)
    going = asyncio.create_task(inbox.store(arrived))
    await asyncio.sleep(0)
    going.cancel()

    assert await inbox.store(named(arrived, "evt_2"))

    assert sum(await stored_by_commit(engine)) == 2


async def test_when_postgresql_is_away_every_request_hears_of_it_and_the_next_is_stored(
    engine: AsyncEngine, arrived: Arrived
) -> None:
    nowhere = create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", pool_size=1)
    inbox = Inbox(nowhere)

    said = await asyncio.gather(
        *(inbox.store(named(arrived, f"evt_{n}")) for n in range(3)), return_exceptions=True
    )
    inbox._engine = engine

    assert all(isinstance(one, OSError) for one in said)
    assert await inbox.store(named(arrived, "evt_0"))


async def test_a_connection_that_was_closed_meanwhile_costs_no_event(
    engine: AsyncEngine, arrived: Arrived
) -> None:
    inbox = Inbox(engine)
    await inbox.store(arrived)
    another = create_engine(engine.url.render_as_string(hide_password=False))
    async with reading(another) as other:
        await other.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
        )
    await another.dispose()

    assert await inbox.store(named(arrived, "evt_2"))
    assert await stored_by_commit(engine) == [1, 1]
