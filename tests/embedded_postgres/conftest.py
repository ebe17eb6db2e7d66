"""Homes that an unprivileged account can reach, other processes that use them, and the proof that none is left."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import psutil
import pytest

from jobsphere.embedded_postgres import Cluster, EmbeddedPostgres
from jobsphere.embedded_postgres.accounts import Account
from jobsphere.embedded_postgres.layout import Layout
from jobsphere.embedded_postgres.software import installed_package

# Tests need the order of events, not the wait for the disk.
QUICK = {"fsync": "off"}

_USER_OF_THE_SERVER = """
import os, sys
from pathlib import Path
from jobsphere.embedded_postgres import EmbeddedPostgres

if sys.argv[2]:  # only now, because the other user need not be able to read our Python
    uid, gid = map(int, sys.argv[2].split())
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
postgres = EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off"})
postgres.start()
print("ready", flush=True)
sys.stdin.readline()
postgres.stop()
"""


class OtherProcess:
    """Another process that uses the server of a home until it is told to stop, or killed."""

    def __init__(self, home: Path, user: str | None = None) -> None:
        account = pwd.getpwnam(user) if user else None
        identity = f"{account.pw_uid} {account.pw_gid}" if account else ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _USER_OF_THE_SERVER, str(home), identity],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
        )

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == b"ready\n":
                return
        pytest.fail(f"the other process failed: {self.finish()}")

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self.finish()

    def interrupt(self) -> str:
        """As Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        return self.finish()

    def finish(self) -> str:
        """Tell it to stop and wait; what it wrote to its standard error."""
        _, errors = self._process.communicate(b"stop\n", timeout=30)
        return errors.decode()


def _seen_now(home: Path) -> list[psutil.Process]:
    """All living processes of the server of ``home``, with or without their main process."""
    layout = Layout.of(home)
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            mine = f"-D {layout.data} " in command or layout.cluster_name in command
            if mine and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def processes_of(home: Path) -> list[psutil.Process]:
    """All living processes of the server of ``home``, once two looks in a row find the same.

    A question whether the server is ready is a process of its own for a moment, and gone when it is looked at.
    """
    seen = _seen_now(home)
    for _ in range(100):
        time.sleep(0.03)
        before, seen = seen, _seen_now(home)
        if seen == before:
            break
    return seen


def _wait_until_none_is_left(home: Path) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while (left := processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _kill_all(home: Path) -> None:
    for process in processes_of(home):
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


@contextmanager
def _temporary_homes(parent: Path | None = None) -> Iterator[Callable[[], Path]]:
    """Makes homes. At the end no process of any of them may be left."""
    # Not tmp_path: only its owner may enter that, and root lends the server another account.
    homes: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="jobsphere-test-", dir=parent))
        home.chmod(0o711)
        homes.append(home)
        return home

    yield make
    left = {str(home): found for home in homes if (found := _wait_until_none_is_left(home))}
    for home in homes:
        _kill_all(home)
        shutil.rmtree(home)
    assert not left


@pytest.fixture
def new_home() -> Iterator[Callable[[], Path]]:
    with _temporary_homes() as make:
        yield make


def roomy_memory() -> Path | None:
    """A file system in memory, if there is one with room for a server's data."""
    memory = Path("/dev", "shm")
    is_roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return memory if is_roomy else None


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Cluster]:
    """One running server for all tests of a file that are not about the server itself."""
    with _temporary_homes(roomy_memory()) as make, EmbeddedPostgres(make(), settings=QUICK) as cluster:
        yield cluster


@pytest.fixture
def home(new_home: Callable[[], Path]) -> Path:
    return new_home()


@pytest.fixture
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    """A server on ``home``, not started yet, stopped at the end."""
    embedded = EmbeddedPostgres(home, settings=QUICK)
    yield embedded
    embedded.stop()


@pytest.fixture
def other_process() -> Iterator[Callable[..., OtherProcess]]:
    started: list[OtherProcess] = []

    def start(home: Path, user: str | None = None) -> OtherProcess:
        started.append(OtherProcess(home, user))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def living() -> Callable[[Path], list[psutil.Process]]:
    """The living processes of the server of a home."""
    return processes_of


@pytest.fixture
def ask() -> Callable[..., Awaitable[object]]:
    """Runs one statement and gives its first value: as the superuser, or as who is named."""

    async def first_value(
        cluster: Cluster,
        statement: str,
        *,
        user: str = "postgres",
        password: str | None = None,
        database: str = "postgres",
    ) -> object:
        connection = await asyncpg.connect(
            host=cluster.host,
            port=cluster.port,
            user=user,
            password=cluster.superuser_password if password is None else password,
            database=database,
            ssl=False,
        )
        try:
            return cast(object, await connection.fetchval(statement))
        finally:
            await connection.close()

    return first_value


@pytest.fixture(scope="session")
def unprivileged_user() -> str:
    """An account to run a whole process as, other than the one that root lends to the server."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    for name in ("games", "daemon", "bin"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            account = Account(entry.pw_uid, entry.pw_gid)
            if account.may_enter(installed_package()):
                return name
    pytest.skip("the packages are installed where no other account can read them")
