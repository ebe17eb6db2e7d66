"""Database transactions: whole or not at all, run again where that helps, never one inside another."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import database
from jobsphere.database import (
    TRIES_MAX,
    Busy,
    DatabaseTransaction,
    RunAgain,
    TransactionAlreadyOpen,
    WriteWhileReading,
    in_own_transaction,
    open_transaction_name,
    reading,
    sqlstate,
    violated_constraint,
)
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown

DO = DatabaseTransaction("tests.transactions")
INNER = DatabaseTransaction("tests.transactions.inner")
INSERT = "INSERT INTO audit_log (at, action, subject, details) VALUES (now(), 'tested', '{subject}', '{{}}')"


class Interrupted(Exception):
    pass


async def note(connection: AsyncConnection, subject: str) -> None:
    await connection.execute(text(INSERT.format(subject=subject)))


async def notes(engine: AsyncEngine) -> list[str]:
    async with reading(engine) as connection:
        return list((await connection.execute(text("SELECT subject FROM audit_log ORDER BY id"))).scalars())


async def test_what_was_done_is_stored_and_the_result_given_back(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection) -> str:
        assert open_transaction_name() == "tests.transactions"
        await note(connection, "a")
        return "done"

    assert await DO.run(engine, work) == "done"
    assert await notes(engine) == ["a"]
    assert open_transaction_name() is None


async def test_an_error_rolls_everything_back_and_is_raised_as_it_is(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection) -> None:
        await note(connection, "a")
        raise Interrupted

    with pytest.raises(Interrupted):
        await DO.run(engine, work)

    assert await notes(engine) == []
    assert open_transaction_name() is None


async def test_a_cancelled_task_rolls_everything_back(engine: AsyncEngine) -> None:
    noted = asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        await note(connection, "a")
        noted.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(DO.run(engine, work))
    await noted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await notes(engine) == []


async def test_a_function_in_its_own_transaction_is_named_after_itself(engine: AsyncEngine) -> None:
    @in_own_transaction
    async def _keep_note(connection: AsyncConnection, subject: str, *, times: int) -> str | None:
        for _ in range(times):
            await note(connection, subject)
        return open_transaction_name()

    assert await _keep_note(engine, "a", times=2) == f"{__name__}._keep_note".replace("._", ".")
    assert await notes(engine) == ["a", "a"]


@pytest.mark.parametrize("error", ["RunAgain", "deadlock", "serialization"])
async def test_the_whole_is_run_again_and_stored_once(engine: AsyncEngine, error: str) -> None:
    tries = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await note(connection, f"try {tries}")
        if tries < TRIES_MAX:
            if error == "RunAgain":
                raise RunAgain
            code = {"deadlock": "40P01", "serialization": "40001"}[error]
            await connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '{code}'; END $$"))

    await DO.run(engine, work)

    assert await notes(engine) == [f"try {TRIES_MAX}"]


async def test_what_never_succeeds_is_given_up_with_its_own_error(engine: AsyncEngine) -> None:
    tries = 0

    async def work(_: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        raise RunAgain

    with pytest.raises(RunAgain):
        await DO.run(engine, work)

    assert tries == TRIES_MAX


async def test_two_that_deadlock_both_end_well(engine: AsyncEngine, owner_engine: AsyncEngine) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE pairs AS SELECT 1 AS id, 0 AS changes UNION SELECT 2, 0"))
        await connection.execute(text("GRANT ALL ON pairs TO PUBLIC"))
    first_locked, tries = asyncio.Barrier(2), list[tuple[int, int]]()

    async def change(connection: AsyncConnection, order: tuple[int, int]) -> None:
        tries.append(order)
        for id_ in order:
            await connection.execute(text("UPDATE pairs SET changes = changes + 1 WHERE id = :id"), {"id": id_})
            if tries.count(order) == 1 and id_ == order[0]:
                await first_locked.wait()

    async def once(order: tuple[int, int]) -> None:
        await DO.run(engine, lambda connection: change(connection, order))

    await asyncio.gather(once((1, 2)), once((2, 1)))

    assert len(tries) == 3
    async with reading(engine) as connection:
        assert list((await connection.execute(text("SELECT changes FROM pairs"))).scalars()) == [2, 2]


async def test_two_whose_snapshots_collide_both_count(engine: AsyncEngine, owner_engine: AsyncEngine) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE counter AS SELECT 0 AS value"))
        await connection.execute(text("GRANT ALL ON counter TO PUBLIC"))
    both_read, tries = asyncio.Barrier(2), 0

    async def count(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        mine = tries
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        value = (await connection.execute(text("SELECT value FROM counter"))).scalar_one()
        if mine <= 2:
            await both_read.wait()
        await connection.execute(text("UPDATE counter SET value = :next"), {"next": value + 1})

    await asyncio.gather(DO.run(engine, count), DO.run(engine, count))

    assert tries == 3
    async with reading(engine) as connection:
        assert (await connection.execute(text("SELECT value FROM counter"))).scalar_one() == 2


async def test_another_error_of_postgresql_is_not_tried_again(engine: AsyncEngine) -> None:
    tries = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(
            text(
                "INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)"
                " VALUES ('wallet:x', 'usd', 'sideways', false)"
            )
        )

    with pytest.raises(DBAPIError) as refusal:
        await DO.run(engine, work)

    assert tries == 1
    assert sqlstate(refusal.value) == "23514"
    assert violated_constraint(refusal.value) == "ledger_accounts_normal_side_is_known"


async def test_who_waits_too_long_for_a_lock_is_told_that_somebody_is_busy(engine: AsyncEngine) -> None:
    async def lock(connection: AsyncConnection) -> None:
        await connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(1)"))

    async with engine.begin() as holder:
        await holder.execute(text("SELECT pg_advisory_xact_lock(1)"))
        with pytest.raises(Busy, match=r"tests\.transactions"):
            await DO.run(engine, lock)


async def test_one_inside_another_is_refused_before_it_begins(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection) -> None:
        await note(connection, "outer")
        await INNER.run(engine, lambda inner: note(inner, "inner"))

    with pytest.raises(TransactionAlreadyOpen, match=r"tests\.transactions\.inner inside tests\.transactions"):
        await DO.run(engine, work)

    assert await notes(engine) == []


async def test_reading_inside_one_and_one_inside_reading_are_refused(engine: AsyncEngine) -> None:
    async def work(_: AsyncConnection) -> list[str]:
        return await notes(engine)

    with pytest.raises(TransactionAlreadyOpen):
        await DO.run(engine, work)
    async with reading(engine):
        with pytest.raises(TransactionAlreadyOpen):
            await DO.run(engine, work)
        with pytest.raises(TransactionAlreadyOpen):
            await notes(engine)


async def test_another_task_has_its_own(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection, others: int) -> None:
        await note(connection, f"with {others} others")
        await asyncio.sleep(0.01)

    await asyncio.gather(*(DO.run(engine, lambda c, n=n: work(c, n)) for n in range(5)))  # type: ignore[misc]

    assert len(await notes(engine)) == 5


async def test_reading_in_one_snapshot_writes_nothing(engine: AsyncEngine) -> None:
    async with reading(engine, one_snapshot=True) as connection:
        with pytest.raises(DBAPIError) as refusal:
            await note(connection, "a")
    assert sqlstate(refusal.value) == "25006"


@pytest.mark.parametrize(
    "statement",
    [
        INSERT.format(subject="a"),
        "WITH gone AS (DELETE FROM notifications RETURNING id) SELECT * FROM gone",
        "update jobs SET state = 'closed'",
        "SELECT id FROM wallets FOR UPDATE",
        "SELECT id FROM wallets FOR NO KEY UPDATE",
        "SELECT id FROM wallets FOR KEY SHARE",
    ],
)
async def test_reading_neither_writes_nor_locks(engine: AsyncEngine, statement: str) -> None:
    async with reading(engine) as connection:
        with pytest.raises(WriteWhileReading):
            await connection.execute(text(statement))
    assert await notes(engine) == []


async def test_reading_in_one_snapshot_sees_one_moment_and_the_next_reader_the_newest(engine: AsyncEngine) -> None:
    count = text("SELECT count(*) FROM audit_log")
    async with reading(engine, one_snapshot=True) as connection:
        assert (await connection.execute(count)).scalar_one() == 0
        await asyncio.create_task(_noted(engine))
        assert (await connection.execute(count)).scalar_one() == 0
    assert await notes(engine) == ["meanwhile"]
    await DO.run(engine, lambda connection: note(connection, "writable again"))


async def _noted(engine: AsyncEngine) -> None:
    # A task of its own: it begins with a copy of its parent's context, in which reading is still going on.
    token = database._open_transaction.set(None)
    await DO.run(engine, lambda connection: note(connection, "meanwhile"))
    database._open_transaction.reset(token)


async def test_stripe_is_not_called_inside_one(engine: AsyncEngine) -> None:
    gateway = StripeGateway(secret_key="sk_test_x", api_base="http://127.0.0.1:9", timeout_seconds=1)

    async def work(_: AsyncConnection) -> None:
        await gateway.retrieve_payment_intent("pi_1")

    with pytest.raises(TransactionAlreadyOpen, match=r"inside the database transaction tests\.transactions"):
        await DO.run(engine, work)
    async with reading(engine):
        with pytest.raises(TransactionAlreadyOpen):
            await gateway.retrieve_payment_intent("pi_1")
    with pytest.raises(OutcomeUnknown):
        await gateway.retrieve_payment_intent("pi_1")
    await gateway.close()


async def driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def test_a_call_to_the_driver_after_our_first_statement_is_rolled_back_with_it(engine: AsyncEngine) -> None:
    async def work(connection: AsyncConnection) -> None:
        await note(connection, "ours")
        await (await driver(connection)).execute(INSERT.format(subject="raw"))
        raise Interrupted

    with pytest.raises(Interrupted):
        await DO.run(engine, work)

    assert await notes(engine) == []


async def test_a_call_to_the_driver_before_it_would_not_be_so_nobody_may_make_one(engine: AsyncEngine) -> None:
    # SQLAlchemy sends BEGIN with its own first statement. That this is so is why an architecture test keeps the
    # driver out of our code; should it ever change, this test says that the ban may go.
    async def work(connection: AsyncConnection) -> None:
        await (await driver(connection)).execute(INSERT.format(subject="raw"))
        await note(connection, "ours")
        raise Interrupted

    with pytest.raises(Interrupted):
        await DO.run(engine, work)

    assert await notes(engine) == ["raw"]


async def test_a_constraint_checked_at_commit_is_a_definite_refusal(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        await connection.execute(text("GRANT ALL ON late TO PUBLIC"))

    with pytest.raises(DBAPIError) as refusal:
        await DO.run(engine, lambda connection: connection.execute(text("INSERT INTO late VALUES (1), (1)")))

    assert sqlstate(refusal.value) == "23505"


def test_only_postgresqls_own_errors_have_its_codes() -> None:
    assert sqlstate(ValueError()) is None
    assert violated_constraint(ValueError()) is None
