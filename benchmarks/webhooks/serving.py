"""Both applications in processes of their own, under the same uvicorn; only these are ended afterwards."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ground import Ground

SECRET = "whsec_benchmark"  # noqa: S105 - signs events of this benchmark only
_START_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 15
_REPOSITORY = Path(__file__).resolve().parents[2]
_OURS = ("STRIPE_", "JOBSPHERE_", "DATABASE_", "PAYMENT_", "FRONTEND_", "LOG_")


class NotServed(Exception):
    """A server did not start; the message is the last it said."""


@contextmanager
def jobsphere_served(ground: Ground, database: str) -> Iterator[int]:
    """``jobsphere serve`` on a migrated database, without the worker; yields its port.

    Raises:
        NotServed: it did not start.
    """
    environment = {
        "DATABASE_URL": ground.url(database),
        "JOBSPHERE_HOME": str(ground.home / "served"),
        "STRIPE_SECRET_KEY": "sk_test_benchmark",
        "STRIPE_API_BASE": "http://127.0.0.1:9",  # nobody listens there: nothing leaves this machine
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_CONNECT_WEBHOOK_SECRET": f"{SECRET}_connect",
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "jobsphere", "serve", "--port", "0", "--no-worker"]
    # In a folder without a .env file.
    with started(
        command, environment, ground.home, ground.home / "serve.log", r"API +http://\S+:([0-9]+)"
    ) as port:
        yield port


@contextmanager
def constant_served(ground: Ground) -> Iterator[int]:
    """The constant with the loop, parser and switches that ``jobsphere serve`` uses; yields its port.

    Raises:
        NotServed: it did not start.
    """
    switches = "--port 0 --lifespan off --loop uvloop --http httptools --no-access-log --no-server-header"
    command = [sys.executable, "-m", "uvicorn", "benchmarks.webhooks.constant:app", *switches.split()]
    with started(
        command, {}, _REPOSITORY, ground.home / "constant.log", r"running on http://\S+:([0-9]+)"
    ) as port:
        yield port


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log_file: Path, announcement: str
) -> Iterator[int]:
    """A process that announces its port in what it says; it is ended afterwards.

    Raises:
        NotServed: it did not start.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
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
        yield _announced_port(process, log_file, announcement)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _announced_port(process: "subprocess.Popen[bytes]", log_file: Path, announcement: str) -> int:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(announcement, log_file.read_text(errors="replace")):
            return int(found[1])
        time.sleep(0.05)
    last_words = log_file.read_text(errors="replace")[-300:]
    raise NotServed(f"{log_file.stem} did not start: {last_words}")
