"""Connections that break: an error before COMMIT, an unknown outcome at COMMIT, and never silence."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.database import CommitOutcomeUnknown, DatabaseTransaction, open_transaction_name, reading

DO = DatabaseTransaction("tests.lost_connections")


async def note(connection: AsyncConnection, subject: str) -> None:
    await connection.execute(
        text("INSERT INTO audit_log (at, action, subject, details) VALUES (now(), 'tested', :subject, '{}')"),
        {"subject": subject},
    )


async def notes(engine: AsyncEngine) -> list[str]:
    async with reading(engine) as connection:
        return list((await connection.execute(text("SELECT subject FROM audit_log ORDER BY id"))).scalars())


async def _cut(superuser_engine: AsyncEngine, pid: int) -> None:
    """End a session from outside and wait until it is gone."""
    async with superuser_engine.connect() as connection:
        alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        while (await connection.execute(alive, {"pid": pid})).scalar_one():
            await asyncio.sleep(0.005)
            await connection.rollback()


async def test_a_connection_cut_just_before_commit_is_an_unknown_outcome(
    engine: AsyncEngine, superuser_engine: AsyncEngine
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await note(connection, "lost")
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await _cut(superuser_engine, pid)

    with pytest.raises(CommitOutcomeUnknown, match=r"tests\.lost_connections"):
        await DO.run(engine, work)

    assert open_transaction_name() is None


async def test_a_connection_cut_while_it_commits_is_an_unknown_outcome(
    engine: AsyncEngine, owner_engine: AsyncEngine, superuser_engine: AsyncEngine
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE slow (id int)"))
        await connection.execute(text("GRANT ALL ON slow TO PUBLIC"))
        await connection.execute(
            text(
                "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_sleep(5); RETURN NULL; END $$"
            )
        )
        await connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION wait()"
            )
        )
    pids: asyncio.Queue[int] = asyncio.Queue()

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO slow VALUES (1)"))
        await pids.put((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())

    committing = asyncio.create_task(DO.run(engine, work))
    pid = await pids.get()
    async with superuser_engine.connect() as watcher:
        asleep = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid AND wait_event = 'PgSleep'")
        while not (await watcher.execute(asleep, {"pid": pid})).scalar_one():
            await watcher.rollback()
            await asyncio.sleep(0.005)
    await _cut(superuser_engine, pid)

    with pytest.raises(CommitOutcomeUnknown):
        await committing


async def test_a_connection_cut_during_the_work_is_an_error_and_nothing_is_stored(
    engine: AsyncEngine, superuser_engine: AsyncEngine
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await note(connection, "lost")
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await _cut(superuser_engine, pid)
        await note(connection, "never")

    with pytest.raises(DBAPIError):
        await DO.run(engine, work)

    assert await notes(engine) == []
