"""The server's log: small, closed to others, and without what people and passwords put into statements."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]

from jobsphere.embedded_postgres import EmbeddedPostgres, Role, prepare_database
from jobsphere.embedded_postgres.configuration import LOG_FILES_MAX

Ask = Callable[..., Awaitable[object]]


def _everything_logged(home: Path) -> str:
    files = [home / "postgres" / "start.log", *(home / "postgres" / "log").iterdir()]
    return "".join(path.read_text() for path in files)


async def test_neither_passwords_nor_data_reach_the_log(postgres: EmbeddedPostgres, home: Path, ask: Ask) -> None:
    cluster = postgres.start()
    prepare_database(
        cluster, database="market", owner=Role("owner", "secret-1"), application=Role("application", "secret-2")
    )
    await ask(cluster, "CREATE TABLE people (email text UNIQUE)")
    await ask(cluster, "INSERT INTO people VALUES ('secret-3@example.com')")
    for failing in (
        "CREATE ROLE owner LOGIN PASSWORD 'secret-4'",
        "INSERT INTO people VALUES ('secret-3@example.com')",
        "SELEC 'secret-5'",
        "DO $$ BEGIN EXECUTE 'SELECT no_such_column -- secret-6'; END $$",
    ):
        with suppress(asyncpg.PostgresError):
            await ask(cluster, failing)
    postgres.stop()

    logged = _everything_logged(home)
    assert "duplicate key value violates unique constraint" in logged  # what happened is there
    assert "secret" not in logged
    assert cluster.superuser_password not in logged


async def test_starting_leaves_no_complaint_in_the_log(postgres: EmbeddedPostgres, home: Path) -> None:
    postgres.start()
    postgres.stop()
    postgres.start()
    postgres.stop()

    logged = _everything_logged(home)
    # Our own question whether it is ready is cut off when the server stops at the same moment.
    of_others = [line for line in logged.splitlines() if "nobody-asks" not in line]
    assert not [line for line in of_others if any(word in line for word in ("WARNING", "ERROR", "FATAL"))]


async def test_a_full_log_begins_a_new_file_and_old_ones_go(home: Path, ask: Ask) -> None:
    settings = {"fsync": "off", "log_rotation_size": "64kB"}
    log = home / "postgres" / "log"
    postgres = EmbeddedPostgres(home, settings=settings)
    with postgres as cluster:
        for number in range(20):
            (log / f"postgresql-20200101-0000{number:02}.log").write_text("old")
        await ask(cluster, "DO $$ BEGIN FOR i IN 1..20 LOOP RAISE LOG '%', repeat('x', 8000); END LOOP; END $$")
        postgres.ensure_running()

        left = sorted(path.name for path in log.iterdir())

    assert len(left) == LOG_FILES_MAX
    assert left[-1] > "postgresql-2020010"
    assert all((log / name).stat().st_size < 200_000 for name in left)
