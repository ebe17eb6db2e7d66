"""Several processes on one home: one server, started by the first, stopped by the last, whoever is killed."""

import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import psutil

from jobsphere.embedded_postgres import EmbeddedPostgres
from jobsphere.embedded_postgres.processes import pid_file

Ask = Callable[..., Awaitable[object]]
Living = Callable[[Path], list[psutil.Process]]


class Other(Protocol):
    def wait_until_ready(self) -> None: ...
    def kill(self) -> None: ...
    def interrupt(self) -> str: ...
    def finish(self) -> str: ...


def _postmaster(home: Path) -> int:
    return int(pid_file(home / "postgres" / "data").read_text().split()[0])


def test_the_last_user_stops_the_server(
    postgres: EmbeddedPostgres, home: Path, other_process: Callable[[Path], Other]
) -> None:
    other = other_process(home)
    other.wait_until_ready()
    server = _postmaster(home)

    postgres.start()
    assert _postmaster(home) == server

    other.finish()
    assert postgres.is_running()
    assert _postmaster(home) == server
    postgres.stop()
    assert not postgres.is_running()


def test_it_stays_while_another_process_uses_it(
    postgres: EmbeddedPostgres, home: Path, other_process: Callable[[Path], Other]
) -> None:
    postgres.start()
    other = other_process(home)
    other.wait_until_ready()

    postgres.stop()

    assert postgres.is_running()
    other.finish()
    assert not postgres.is_running()


def test_many_that_start_at_once_get_one_server(new_home: Callable[[], Path], living: Living) -> None:
    home = new_home()
    users = [EmbeddedPostgres(home, settings={"fsync": "off"}) for _ in range(6)]

    with ThreadPoolExecutor(len(users)) as threads:
        clusters = set(threads.map(EmbeddedPostgres.start, users))
        main_processes = [process for process in living(home) if "-D" in process.cmdline()]
        list(threads.map(EmbeddedPostgres.stop, users))

    assert len(clusters) == 1
    assert len(main_processes) == 1
    assert not users[0].is_running()


async def test_a_server_left_by_a_killed_process_is_adopted(
    postgres: EmbeddedPostgres, home: Path, other_process: Callable[[Path], Other], ask: Ask
) -> None:
    other = other_process(home)
    other.wait_until_ready()
    server = _postmaster(home)
    other.kill()
    assert postgres.is_running()

    cluster = postgres.start()

    assert _postmaster(home) == server
    assert await ask(cluster, "SELECT 1") == 1
    postgres.stop()
    assert not psutil.pid_exists(server) or psutil.Process(server).status() == psutil.STATUS_ZOMBIE


async def test_when_both_were_killed_the_next_start_recovers(
    postgres: EmbeddedPostgres, home: Path, other_process: Callable[[Path], Other], ask: Ask
) -> None:
    other = other_process(home)
    other.wait_until_ready()
    os.kill(_postmaster(home), signal.SIGKILL)
    other.kill()

    cluster = postgres.start()

    assert await ask(cluster, "SELECT 1") == 1


def test_ctrl_c_within_the_first_start_leaves_neither_a_process_nor_half_a_data_folder(
    home: Path, other_process: Callable[[Path], Other], living: Living
) -> None:
    other = other_process(home)
    while not (home / "postgres" / "data.unfinished" / "base").exists():
        pass

    assert other.interrupt().strip().endswith("KeyboardInterrupt")

    assert {path.name for path in (home / "postgres").iterdir()} == {
        "log",
        "passwords.json",
        "socket",
        "start.lock",
        "users.lock",
    }
    assert living(home) == []


def test_a_process_killed_within_its_first_start_leaves_nothing_in_the_way(
    postgres: EmbeddedPostgres, home: Path, other_process: Callable[[Path], Other]
) -> None:
    shared_memory = set(Path("/dev").glob("shm/PostgreSQL.*"))
    other = other_process(home)
    while not (home / "postgres" / "data.unfinished" / "base" / "1" / "PG_VERSION").exists():
        pass
    other.kill()

    postgres.start()
    assert set(Path("/dev").glob("shm/PostgreSQL.*")) <= shared_memory

    assert not (home / "postgres" / "data.unfinished").exists()
    assert not (home / "postgres" / "initdb.password").exists()
