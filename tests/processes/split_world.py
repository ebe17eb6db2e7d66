"""A world of server, worker and a PostgreSQL of its own, of which one is killed at a crash point."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import httpx
import psutil

from jobsphere.embedded_postgres import EmbeddedPostgres
from tests.processes.starting import HEALED_SECONDS_MAX, Child, until
from tests.processes.world import World

T = TypeVar("T")

# A call to Stripe takes at most this long, and then its outcome is unknown.
STRIPE_TIMEOUT_SECONDS = 2
# Leases and gaps end early: by then whoever held one alive has done what it held it for.
_PATIENCE_SECONDS = STRIPE_TIMEOUT_SECONDS + 1.0
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Victim(StrEnum):
    """What is killed while a process stands at its crash point."""

    WORKER = "worker"
    SERVER = "server"
    POSTGRES = "postgres"
    ITSELF = "itself"  # the process that stands there


@dataclass(slots=True)
class SplitWorld(World):
    """``crash_at`` names where a process stands still while ``victim`` is killed; then all goes on.

    People and Stripe repeat what met nobody, and what was killed is started again, as a supervisor does.
    """

    postgres: EmbeddedPostgres | None = None
    postgres_home: Path = Path()
    victim: Victim = Victim.WORKER
    # Whether a process came to the crash point; what went wrong while something was killed.
    struck: bool = False
    trouble: list[str] = field(default_factory=list)
    worker: Child = field(init=False)
    _is_over: threading.Event = field(init=False, default_factory=threading.Event)
    _is_striking: threading.Lock = field(init=False, default_factory=threading.Lock)
    _watcher: threading.Thread = field(init=False)
    _patient_since: float = field(init=False, default=0.0)

    def __enter__(self) -> "SplitWorld":
        self.settings = {**self.settings, "STRIPE_TIMEOUT_SECONDS": str(STRIPE_TIMEOUT_SECONDS)}
        World.__enter__(self)
        self._patient_since = time.monotonic()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        if self.crash_at is not None:
            self._watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        if self.crash_at is not None:
            self._watcher.join(60)
        self.worker.kill()
        World.__exit__(self, *error)

    def ask(self, method: str, path: str, who: str, body: Any = None, key: str | None = None) -> httpx.Response:
        """What they are told in the end: nobody there, and 5xx, are asked again."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}
        headers |= {"Idempotency-Key": key} if key is not None else {}

        def probe() -> httpx.Response | None:
            try:
                answer = self.http.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                return None
            return None if answer.status_code >= 500 else answer

        return until(f"{method} {path} is answered", probe)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._patiently(lambda: World.rows(self, query))

    def settle(self) -> None:
        until(f"all is done\n{self.worker.tail()}", self._is_settled)
        assert not self.trouble, self.trouble

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask PostgreSQL, which may be away for a moment."""
        deadline = time.monotonic() + HEALED_SECONDS_MAX
        while True:
            try:
                return ask()
            except _AWAY:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _retry_deliveries(self) -> None:
        World._retry_deliveries(self)
        if time.monotonic() - self._patient_since > _PATIENCE_SECONDS:
            self.leases_end()
            self._patient_since = time.monotonic()

    def _notice_death(self) -> None:
        with self._is_striking:
            ended = [child.tail() for child in (self.server, self.worker) if child.poll() is not None]
        assert not ended, f"it ended by itself:\n{ended[0]}"

    def _start_server(self, crash_at: str | None) -> None:
        self._start_one(Victim.SERVER, crash_at)
        self._start_one(Victim.WORKER, crash_at)

    def _start_one(self, which: Victim, crash_at: str | None) -> None:
        env = self._environment(crash_at) | ({"JOBSPHERE_CRASH_SIGNAL": "SIGSTOP"} if crash_at else {})
        if which is Victim.SERVER:
            command = ("jobsphere", "serve", "--no-worker", "--port", str(self._port))
            self.server = self.starter.start(*command, log=self._new_log(), env=env)
            self.server.said(r"API +(http://\S+)")
        else:
            self.worker = self.starter.start("jobsphere", "worker", log=self._new_log(), env=env)
            self.worker.said(r"(worker\.started)")

    def _watch(self) -> None:
        """Wait until a process stands at the crash point, then kill the victim and let everything go on.

        The other process may come to the same point later: it goes on at once.
        """
        while not self._is_over.is_set():
            for child in (self.server, self.worker):
                if _stands_still(child):
                    self._let_go_on(child)
            time.sleep(0.005)

    def _let_go_on(self, standing: Child) -> None:
        if self.struck:
            standing.send(signal.SIGCONT)
            return
        try:
            self._strike(standing)
        except Exception as error:
            self.trouble.append(repr(error))

    def _strike(self, standing: Child) -> None:
        self.struck = self.died = True
        with self._is_striking:
            which = self._which(standing)
            victim = {Victim.SERVER: self.server, Victim.WORKER: self.worker}.get(which)
            if victim is None:
                self._kill_postgres()
            else:
                victim.kill()
            if standing is not victim:
                standing.send(signal.SIGCONT)
            if victim is None:
                assert self.postgres is not None
                self.postgres.ensure_running()
            else:
                self._start_one(which, None)
        self.leases_end()

    def _which(self, standing: Child) -> Victim:
        if self.victim is not Victim.ITSELF:
            return self.victim
        return Victim.SERVER if standing is self.server else Victim.WORKER

    def _kill_postgres(self) -> None:
        pid = int((self.postgres_home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        main = psutil.Process(pid)
        everything = [main, *main.children()]
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everything, timeout=20)


def _stands_still(child: Child) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
    return False
