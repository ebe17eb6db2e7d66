"""Starting processes, waiting for them, and ending only those that were started here."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

START_SECONDS_MAX = 60.0
_T = TypeVar("_T")


# What a killed process held is free again after its lease of 30 s: all that heals by itself has healed by then.
HEALED_SECONDS_MAX = 60.0


def until(what: str, probe: Callable[[], _T | None], *, seconds_max: float = HEALED_SECONDS_MAX) -> _T:
    """What ``probe`` finds, as soon as it finds something true."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.05)
    raise AssertionError(f"still not after {seconds_max} s: {what}")


def environment(**settings: str) -> dict[str, str]:
    """What a process needs to run, and these settings; nothing of the shell that runs the tests."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "COVERAGE_PROCESS_START")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    return {**inherited, "HOME": "/nonexistent", "NO_COLOR": "1", "COLUMNS": "200", **settings}


def free_port() -> int:
    """A port that the system gives nobody by itself, so that a process may have it again after a restart."""
    while True:
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@dataclass(slots=True)
class Child:
    """A process of ours: ``poll`` gives its exit code (-9 after SIGKILL), None while it runs."""

    pid: int
    log: Path
    poll: Callable[[], int | None]

    def wait(self, seconds_max: float = 20.0) -> int:
        """Its exit code, once it has ended."""
        ended = until(f"{self.pid} ends\n{self.tail()}", lambda: self._ended(), seconds_max=seconds_max)
        return ended[0]

    def send(self, number: signal.Signals) -> None:
        """Nothing happens when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds_max: float = 20.0) -> int:
        """Send a signal and wait; its exit code."""
        self.send(number)
        return self.wait(seconds_max)

    def kill(self) -> int:
        return self.end(signal.SIGKILL)

    def said(self, pattern: str) -> str:
        """The first group of ``pattern`` in its output, once it is there."""

        def probe() -> str | None:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found is None and self.poll() is not None:
                raise AssertionError(f"it ended without a word of {pattern}:\n{self.tail()}")
            return found[1] if found else None

        return until(f"«{pattern}»: {self.tail()}", probe, seconds_max=START_SECONDS_MAX)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def _ended(self) -> tuple[int] | None:
        code = self.poll()
        return None if code is None else (code,)


def start(command: Sequence[str | Path], log: Path, env: Mapping[str, str], *, own_group: bool = False) -> Child:
    """Start a program from scratch, as a person would."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=own_group
        )
    return Child(process.pid, log, process.poll)


def jobsphere(*arguments: str) -> list[str]:
    """The command line of JobSphere, as its entry point runs it."""
    return [sys.executable, "-m", "jobsphere", *arguments]


@dataclass(slots=True)
class Starter:
    """Starts many processes quickly; see ``forked.py``. ``place`` is noted in their environment."""

    place: Path
    _process: "subprocess.Popen[bytes]" = field(init=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        program = Path(__file__).with_name("forked.py")
        # -P: its folder is no place to import from.
        command: list[str | Path] = [sys.executable, "-P", program]
        env = environment(TMPDIR=str(self.place))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def start(self, *command: str, log: Path, env: Mapping[str, str]) -> Child:
        """Start ``jobsphere`` or ``stripe-sandbox`` with the rest of the command line."""
        log.touch()
        pid = self._ask({"command": command, "log": str(log), "environment": env})
        assert pid is not None
        return Child(pid, log, self._poll(pid))

    def close(self) -> None:
        """Kill whatever was started here and still runs."""
        self._process.communicate(timeout=20)

    def _poll(self, pid: int) -> Callable[[], int | None]:
        ended: list[int] = []

        def poll() -> int | None:
            if not ended and (code := self._ask({"poll": pid})) is not None:
                ended.append(code)
            return ended[0] if ended else None

        return poll

    def _ask(self, order: Mapping[str, object]) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            answer: int | None = json.loads(self._process.stdout.readline())
        return answer
