"""What is measured in processes of its own; only these are ended afterwards."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ground import Ground

SECRET = "whsec_benchmark"  # noqa: S105 - signs events of this benchmark only
TOKEN_SECRET = "signs the tokens of this benchmark only"  # noqa: S105 - as it says
REPOSITORY = Path(__file__).resolve().parents[1]
_START_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 15
_API = r"API +http://\S+:([0-9]+)"
_OURS = ("STRIPE_", "JOBSPHERE_", "DATABASE_", "PAYMENT_", "FRONTEND_", "LOG_")


class NotServed(Exception):
    """A process did not start; the message is the last it said."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that said that it is ready, what it said, and how long that took."""

    process: "subprocess.Popen[bytes]"
    said: re.Match[str]
    start_seconds: float

    @property
    def port(self) -> int:
        """The one it announced."""
        return int(self.said[1])


@contextmanager
def jobsphere_served(ground: Ground, database: str) -> Iterator[int]:
    """``jobsphere serve`` on a migrated database, without the worker; yields its port.

    Raises:
        NotServed: it did not start.
    """
    with jobsphere_running(ground, database, "--port", "0", "--no-worker") as running:
        yield running.port


@contextmanager
def jobsphere_running(ground: Ground, database: str, *arguments: str) -> Iterator[Running]:
    """``jobsphere serve`` with these arguments.

    Raises:
        NotServed: it did not start.
    """
    command = [sys.executable, "-m", "jobsphere", "serve", *arguments]
    environment = environment_of(ground, database)
    # In a folder without a .env file.
    with started(command, environment, ground.home, ground.home / f"serve-{database}.log", _API) as running:
        yield running


@contextmanager
def worker_running(ground: Ground, database: str) -> Iterator[None]:
    """``jobsphere worker`` on a migrated database.

    Raises:
        NotServed: it did not start.
    """
    command = [sys.executable, "-m", "jobsphere", "worker"]
    environment = environment_of(ground, database)
    with started(command, environment, ground.home, ground.home / f"worker-{database}.log", r"worker\.started"):
        yield


def environment_of(ground: Ground, database: str) -> dict[str, str]:
    """What every process of JobSphere is told."""
    return {
        "DATABASE_URL": ground.url(database),
        "JOBSPHERE_HOME": str(ground.home / "served"),
        "JOBSPHERE_TOKEN_SECRET": TOKEN_SECRET,
        "STRIPE_SECRET_KEY": "sk_test_benchmark",
        "STRIPE_API_BASE": "http://127.0.0.1:9",  # nobody listens there: nothing leaves this machine
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_CONNECT_WEBHOOK_SECRET": f"{SECRET}_connect",
        "COLUMNS": "200",
    }


@contextmanager
def constant_served(ground: Ground) -> Iterator[int]:
    """The constant with the loop, parser and switches that ``jobsphere serve`` uses; yields its port.

    Raises:
        NotServed: it did not start.
    """
    switches = "--port 0 --lifespan off --loop uvloop --http httptools --no-access-log --no-server-header"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.webhooks.constant:app", *switches.split()]
    announcement = r"running on http://\S+:([0-9]+)"
    with started(command, {}, REPOSITORY, ground.home / "constant.log", announcement) as running:
        yield running.port


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log_file: Path, announcement: str
) -> Iterator[Running]:
    """A process that says when it is ready; it is ended afterwards.

    Raises:
        NotServed: it did not start.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    began = time.monotonic()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**inherited, "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        said = _announced(process, log_file, announcement)
        yield Running(process, said, time.monotonic() - began)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _announced(process: "subprocess.Popen[bytes]", log_file: Path, announcement: str) -> re.Match[str]:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(announcement, log_file.read_text(errors="replace")):
            return found
        time.sleep(0.01)
    last_words = log_file.read_text(errors="replace")[-300:]
    raise NotServed(f"{log_file.stem} did not start: {last_words}")
