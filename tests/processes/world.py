"""JobSphere, a sandbox and a database of their own, and what people do there; JobSphere may die, as planned."""

import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from jobsphere.embedded_postgres import create_database_from_template, drop_database
from tests.conftest import Databases
from tests.processes import asking
from tests.processes.starting import HEALED_SECONDS_MAX, Child, Starter, environment, free_port, until

KEY = "sk_test_of_a_test"
PASSWORD = "a password of a test"
_SECRETS = {
    "STRIPE_WEBHOOK_SECRET": "whsec_platform",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_connect",
    "JOBSPHERE_TOKEN_SECRET": "a secret of tests that has 32 characters",
}
_LEASED = (
    "deposits",
    "charge_fees",
    "saved_cards",
    "refunds",
    "dispute_answers",
    "withdrawals",
    "webhook_events",
)
_WAITING = """
    SELECT (SELECT count(*) FROM webhook_events WHERE status = 'new')
         + (SELECT count(*) FROM deposits WHERE next_try_at < now() + interval '1 hour')
         + (SELECT count(*) FROM charge_fees WHERE state = 'pending')
         + (SELECT count(*) FROM saved_cards WHERE state = 'removing')
         + (SELECT count(*) FROM refunds WHERE next_try_at IS NOT NULL)
         + (SELECT count(*) FROM dispute_answers WHERE next_try_at IS NOT NULL)
         + (SELECT count(*) FROM withdrawals WHERE next_try_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Saved:
    """A world that stands still: a database to copy, the sandbox's state, and people's tokens and ids."""

    database: str
    state: Path | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """One of the worlds. ``crash_at``: the crash point and pass at which JobSphere dies, once.

    The sandbox goes on meanwhile, as Stripe would. A request whose answer is lost is repeated, as people do.
    """

    folder: Path
    databases: Databases
    starter: Starter
    saved: Saved
    crash_at: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    died: bool = False
    tokens: dict[str, str] = field(init=False)
    ids: dict[str, str] = field(init=False)
    database: str = field(init=False)
    sandbox: Child = field(init=False)
    sandbox_url: str = field(init=False)
    server: Child = field(init=False)
    http: httpx.Client = field(init=False)
    _port: int = field(init=False)
    _sandbox_port: int = field(init=False)
    _starts: int = field(init=False, default=0)
    _is_saved: bool = field(init=False, default=False)

    def __enter__(self) -> "World":
        self.tokens, self.ids = dict(self.saved.tokens), dict(self.saved.ids)
        self.database = f"world_{uuid4().hex}"
        self.folder.mkdir()
        if self.saved.state is not None:
            shutil.copytree(self.saved.state, self.folder / "state")
        else:
            (self.folder / "state").mkdir()
        create_database_from_template(self.databases.cluster, self.database, self.saved.database)
        self._port = free_port()
        self._sandbox_port = free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=30, trust_env=False)
        self._start_sandbox()
        self._start_server(self.crash_at)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_saved:
            return
        self.http.close()
        for process in (self.server, self.sandbox):
            process.kill()
        drop_database(self.databases.cluster, self.database)
        shutil.rmtree(self.folder)

    def save(self) -> Saved:
        """End the processes and keep the rest."""
        self.http.close()
        assert self.server.end() == 0, self.server.tail()
        self.sandbox.end()
        self._is_saved = True
        return Saved(self.database, self.folder / "state", self.tokens, self.ids)

    @property
    def passed(self) -> list[str]:
        """The crash points passed since ``watch``, in order."""
        return self._crash_log.read_text().splitlines()

    def watch(self) -> None:
        """From now on crash points count."""
        self._crash_log.touch()

    def get(self, who: str, path: str) -> dict[str, Any]:
        return self._data(self.ask("GET", path, who))

    def post(self, who: str, path: str, body: Any = None, *, key: str | None = None) -> dict[str, Any]:
        return self._data(self.ask("POST", path, who, body, key))

    def wait(
        self, who: str, path: str, wanted: Mapping[str, object], *, seconds_max: float = HEALED_SECONDS_MAX
    ) -> dict[str, Any]:
        """What is at ``path`` once its members are as wanted."""
        seen: dict[str, Any] = {}

        def probe() -> dict[str, Any] | None:
            seen.update(self.get(who, path))
            self._retry_deliveries()
            return seen if all(seen[name] == value for name, value in wanted.items()) else None

        try:
            return until(f"{path} is {wanted}", probe, seconds_max=seconds_max)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}\n{self.server.tail()}") from None

    def wait_for_row(self, query: str) -> None:
        """Wait until the query finds something."""

        def probe() -> bool:
            self._notice_death()
            return self.rows(query) != []

        until(query, probe)

    def control(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """Ask the sandbox's control interface."""
        return asking.control(self.sandbox_url, method, path, body)

    def plan_faults(self, *faults: Mapping[str, object]) -> None:
        """What goes wrong at Stripe from now on."""
        self.control("/faults", list(faults))

    def clear_faults(self) -> None:
        """Everything goes well at Stripe again, and is tried again."""
        self.control("/faults", method="DELETE")
        self.leases_end()

    def stripe(
        self,
        method: str,
        path: str,
        *,
        account: str | None = None,
        key: str | None = None,
        succeeds: bool = True,
        form: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask the sandbox as Stripe, as somebody else than JobSphere would."""
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Stripe-Account": account} if account else {})
        headers |= {"Idempotency-Key": key} if key else {}
        answer = asking.stripe(self.sandbox_url, method, path, headers, form)
        assert answer.is_success is succeeds, answer.text
        return answer.json()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database as its owner."""
        return asking.rows(self.databases.owner_url(self.database), query)

    def leases_end(self) -> None:
        """Let as much time pass that everything may be tried again."""
        for table in _LEASED:
            # What is left to a customer waits for longer, and is nobody's lease.
            lease = f"UPDATE {table} SET next_try_at = now() WHERE next_try_at < now() + interval '2 hours'"  # noqa: S608
            self.rows(lease)

    def restart_sandbox(self) -> None:
        """At the same address, with all it knew."""
        self.sandbox.kill()
        self._start_sandbox()

    def restart_server(self) -> None:
        self.server.kill()
        self._start_server(None)

    def settle(self) -> None:
        """Wait until nothing is left to do, and until JobSphere has died if that is planned."""
        until(f"all is done\n{self.server.tail()}", self._is_settled)
        if self.crash_at is not None and not self.died:
            until(f"{self.crash_at} is passed\n{self.server.tail()}", lambda: self.server.poll() is not None)
            self._notice_death()
            until(f"all is done\n{self.server.tail()}", self._is_settled)

    def _is_settled(self) -> bool:
        self._notice_death()
        self._retry_deliveries()
        states = {one["state"] for one in self.control("/deliveries", method="GET")["data"]}
        return states <= {"delivered"} and self.rows(_WAITING) == [(0,)]

    def _retry_deliveries(self) -> None:
        """Let the gap pass after which Stripe delivers again what met nobody."""
        known = self.control("/deliveries", method="GET")["data"]
        due = [one["next_attempt"] for one in known if one["state"] == "retrying"]
        if due and self.server.poll() is None:
            now = self.control("/clock", method="GET")["now"]
            self.control("/clock/advance", {"seconds": max(0, min(due) - now)})

    def ask(self, method: str, path: str, who: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            return self.http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            self._survive(self.server.wait(5))
            return self.http.request(method, path, json=body, headers=headers)

    def _notice_death(self) -> None:
        if (code := self.server.poll()) is not None:
            self._survive(code)

    def _survive(self, code: int) -> None:
        """Start JobSphere again after it died as planned, once its leases are over."""
        point = (self.crash_at or "").rpartition(":")[0]
        assert not self.died, f"it died a second time ({code}):\n{self.server.tail()}"
        assert (code, self.passed[-1]) == (-signal.SIGKILL, point), self.server.tail()
        self.died = True
        self.leases_end()
        self._start_server(None)

    def _data(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
        data: dict[str, Any] = answer.json()["data"]
        return data

    @property
    def _crash_log(self) -> Path:
        return self.folder / "crash-points.log"

    def _start_sandbox(self) -> None:
        url = f"http://127.0.0.1:{self._port}"
        env = environment(
            STRIPE_SANDBOX_WEBHOOK_URL=f"{url}/api/webhooks/stripe",
            STRIPE_SANDBOX_WEBHOOK_SECRET=_SECRETS["STRIPE_WEBHOOK_SECRET"],
            STRIPE_SANDBOX_CONNECT_WEBHOOK_URL=f"{url}/api/webhooks/stripe/connect",
            STRIPE_SANDBOX_CONNECT_WEBHOOK_SECRET=_SECRETS["STRIPE_CONNECT_WEBHOOK_SECRET"],
        )
        state = str(self.folder / "state" / "state.db")
        command = ("stripe-sandbox", "serve", "--state", state, "--port", str(self._sandbox_port))
        self.sandbox = self.starter.start(*command, log=self._new_log(), env=env)
        self.sandbox_url = self.sandbox.said(r'"url": "(http:[^"]+)"')

    def _start_server(self, crash_at: str | None) -> None:
        env = self._environment(crash_at)
        command = ("jobsphere", "serve", "--port", str(self._port))
        self.server = self.starter.start(*command, log=self._new_log(), env=env)
        self.server.said(r"API +(http://\S+)")

    def _environment(self, crash_at: str | None) -> dict[str, str]:
        """What a process of JobSphere finds here; it dies at most once, so afterwards without crash points."""
        env = environment(
            **_SECRETS,
            STRIPE_SECRET_KEY=KEY,
            STRIPE_API_BASE=self.sandbox_url,
            DATABASE_URL=self.databases.url(self.database),
            JOBSPHERE_HOME=str(self.folder / "home"),
            **self.settings,
        )
        if not self.died:
            env["JOBSPHERE_CRASH_LOG"] = str(self._crash_log)
        if crash_at is not None:
            env["JOBSPHERE_CRASH_AT"] = crash_at
        return env

    def _new_log(self) -> Path:
        self._starts += 1
        return self.folder / f"{self._starts}.log"
