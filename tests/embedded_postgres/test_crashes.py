"""A server that dies while it is used: it comes back at the same address with all that was committed."""

import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import psutil
import pytest

from jobsphere.embedded_postgres import EmbeddedPostgres, PostgresUnavailable
from jobsphere.embedded_postgres import launch as launch_module
from jobsphere.embedded_postgres import server as server_module
from jobsphere.embedded_postgres.processes import pid_file

Ask = Callable[..., Awaitable[object]]
Living = Callable[[Path], list[psutil.Process]]


def _data(home: Path) -> Path:
    return home / "postgres" / "data"


def _postmaster(home: Path) -> int:
    return int(pid_file(_data(home)).read_text().split()[0])


def _kill_and_wait(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(5)


async def test_a_killed_server_is_started_again_with_its_data(home: Path, ask: Ask) -> None:
    postgres = EmbeddedPostgres(home)  # with the disk's guarantees
    with postgres as cluster:
        await ask(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
        _kill_and_wait(_postmaster(home))

        postgres.ensure_running()

        assert postgres.is_running()
        assert await ask(cluster, "SELECT answer FROM kept") == 42


def test_ensure_running_leaves_a_healthy_server_alone(postgres: EmbeddedPostgres, home: Path) -> None:
    postgres.start()
    server = _postmaster(home)

    postgres.ensure_running()

    assert _postmaster(home) == server


def test_ensure_running_starts_nothing_before_the_start_and_after_the_stop(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_running()
    assert not postgres.is_running()

    postgres.start()
    postgres.stop()
    postgres.ensure_running()
    assert not postgres.is_running()


async def test_a_session_busy_with_a_long_statement_does_not_outlive_its_server(
    postgres: EmbeddedPostgres, home: Path, ask: Ask, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "_NOTICE_SECONDS", 0.1)
    cluster = postgres.start()
    connection = await asyncpg.connect(
        host=cluster.host, user="postgres", password=cluster.superuser_password, database="postgres"
    )
    # It never asks whether its server still lives, nor whether somebody wants it to end.
    busy = await connection.fetchval("SELECT pg_backend_pid()")
    os.kill(busy, signal.SIGSTOP)
    _kill_and_wait(_postmaster(home))

    postgres.ensure_running()

    assert busy not in {process.pid for process in living(home)}
    assert await ask(cluster, "SELECT 1") == 1
    connection.terminate()


def test_the_number_of_a_dead_server_given_to_another_process_is_not_mistaken_for_it(
    postgres: EmbeddedPostgres, home: Path
) -> None:
    postgres.start()
    owner = _data(home).stat()
    note = pid_file(_data(home)).read_text()
    dead = _postmaster(home)
    _kill_and_wait(dead)
    # The same account, as after a restart of the machine: the server alone would refuse to start.
    innocent = subprocess.Popen(
        ["/bin/sleep", "60"],
        user=owner.st_uid if os.geteuid() == 0 else None,
    )
    try:
        pid_file(_data(home)).write_text(note.replace(str(dead), str(innocent.pid), 1))
        assert not postgres.is_running()

        postgres.ensure_running()

        assert postgres.is_running()
        postgres.stop()
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("remains", ["", "12", "no number\nat all\n\n\n"])
def test_a_note_cut_short_by_a_loss_of_power_does_not_lock_the_data(
    postgres: EmbeddedPostgres, home: Path, remains: str
) -> None:
    postgres.start()
    postgres.stop()
    pid_file(_data(home)).write_text(remains)

    postgres.start()

    assert postgres.is_running()


async def test_a_server_that_does_not_stop_by_itself_is_made_to(
    postgres: EmbeddedPostgres, home: Path, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_FAST_SECONDS", 0.1)
    monkeypatch.setattr(server_module, "_IMMEDIATE_SECONDS", 0.1)
    postgres.start()
    os.kill(_postmaster(home), signal.SIGSTOP)

    postgres.stop()

    assert living(home) == []
    postgres.start()
    assert postgres.is_running()


def test_a_second_server_is_never_started_beside_one_that_cannot_be_seen(
    postgres: EmbeddedPostgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.start()
    # As in another container on the same folder: the socket answers, the process has no number here.
    note = pid_file(_data(home))
    written = note.read_text()
    note.write_text(written.replace(str(_postmaster(home)), "4194303", 1))
    second = EmbeddedPostgres(home)
    monkeypatch.setattr("jobsphere.embedded_postgres.launch.lingering_processes", lambda *_: [])

    with pytest.raises(PostgresUnavailable, match="cannot be seen from here"):
        second.start()

    note.write_text(written)
    assert postgres.is_running()
