"""Workers hear of events as soon as they are stored, whoever stored them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.worker import Worker
from tests.database.mail import Mail, paid


@asynccontextmanager
async def worker_that_never_polls(mail: Mail) -> AsyncIterator[None]:
    worker = Worker(mail.engine, mail.stripe, mail.clock, mail.ids, poll_seconds=3600)
    working = asyncio.create_task(worker.run())
    yield
    worker.stop()
    await asyncio.wait_for(working, 20)


async def settled(mail: Mail, key: str) -> None:
    async with asyncio.timeout(20):
        while (await mail.events())[key][0] != "done":
            await asyncio.sleep(0.01)


async def test_a_worker_hears_of_events_whoever_stored_them(mail: Mail) -> None:
    async with worker_that_never_polls(mail):
        for key in await paid(mail, 2):
            await settled(mail, key)


async def test_a_worker_that_loses_the_connection_it_listens_on_listens_again(
    mail: Mail, superuser_engine: AsyncEngine
) -> None:
    listeners = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    async with worker_that_never_polls(mail):
        [key] = await paid(mail, 1)
        await settled(mail, key)
        async with superuser_engine.begin() as connection:
            cut = await connection.execute(text(f"SELECT pg_terminate_backend(pid) {listeners}"))
            assert list(cut.scalars()) == [True]

        await mail.deposit("later", await mail.market.customer("0.00"))
        await settled(mail, await mail.arrive("payment_intent.succeeded", "later"))
