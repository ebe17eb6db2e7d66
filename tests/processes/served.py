"""A home of JobSphere and the processes that run there, started from scratch as a person would."""

import json
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from jobsphere.cli.demo_people import DEMO_PASSWORD
from jobsphere.cli.stack import DATABASE, OWNER
from jobsphere.embedded_postgres import EmbeddedPostgres, stored_passwords
from tests.processes import asking
from tests.processes.starting import HEALED_SECONDS_MAX, Child, environment, jobsphere, start, until


@dataclass(slots=True)
class Home:
    """``JOBSPHERE_HOME``, what was started in it, and people signed in there."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    running: list[Child] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    _client: httpx.Client | None = None

    @property
    def data(self) -> Path:
        """What JobSphere keeps; beside it are the logs of the tests."""
        return self.folder / "home"

    def start(self, *arguments: str, own_group: bool = False) -> Child:
        """``jobsphere`` with these arguments."""
        env = environment(**{"JOBSPHERE_HOME": str(self.data), **self.settings})
        log = self.folder / f"{len(self.running)}.log"
        self.running.append(start(jobsphere(*arguments), log, env, own_group=own_group))
        return self.running[-1]

    def serve(self, *options: str, own_group: bool = False) -> Child:
        """``jobsphere serve`` on a free port, once it answers; people go on with it."""
        served = self.start("serve", "--port", "0", *options, own_group=own_group)
        url = served.said(r"API +(http://\S+)")
        if self._client is not None:
            self._client.close()
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        return served

    @property
    def http(self) -> httpx.Client:
        assert self._client is not None, "nothing is served yet"
        return self._client

    def sign_in(self, who: str) -> None:
        """One of the people who are there to try it with."""
        body = {"email": f"{who}@demo.example", "password": DEMO_PASSWORD}
        answer = self.http.post("/api/auth/login", json=body)
        assert answer.is_success, answer.text
        self.tokens[who] = answer.json()["data"]["token"]

    def ask(self, method: str, path: str, who: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        if who not in self.tokens:
            self.sign_in(who)
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.request(method, path, json=body, headers=headers)

    def get(self, path: str, who: str) -> dict[str, Any]:
        return _data(self.ask("GET", path, who))

    def post(self, path: str, who: str, body: Any, *, key: str | None = None) -> dict[str, Any]:
        return _data(self.ask("POST", path, who, body, key=key))

    def deposit(self, amount: str, *, key: str = "deposit") -> str:
        """By card, until it is in the customer's wallet; its id."""
        body = {"amount": amount, "paymentMethodId": "pm_card_bypassPending"}
        deposit_id: str = self.post("/api/wallet/deposit", "customer", body, key=key)["depositId"]
        self.wait(f"/api/wallet/deposits/{deposit_id}", "customer", status="completed")
        return deposit_id

    def wait(
        self, path: str, who: str, *, seconds_max: float = HEALED_SECONDS_MAX, **wanted: object
    ) -> dict[str, Any]:
        """What is at ``path`` once its members are as wanted."""

        def probe() -> dict[str, Any] | None:
            found = self.get(path, who)
            return found if all(found[name] == value for name, value in wanted.items()) else None

        return until(f"{path} is {wanted}", probe, seconds_max=seconds_max)

    def control(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """Ask the control interface of the sandbox that runs here."""
        url = json.loads((self.data / "sandbox" / "address.json").read_text())["url"]
        return asking.control(url, method, path, body)

    def run(self, query: str) -> None:
        """Run one statement as the owner of the tables."""
        # It runs already, so that it is only borrowed.
        with EmbeddedPostgres(self.data) as cluster:
            password = stored_passwords(self.data).owner
            asking.rows(cluster.url(user=OWNER, password=password, database=DATABASE), query)

    def postmaster(self) -> int:
        """The number of PostgreSQL's main process."""
        return int((self.data / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])

    def close(self) -> None:
        """Stop what still runs, the last one first."""
        if self._client is not None:
            self._client.close()
        for process in reversed(self.running):
            if process.poll() is None:
                process.end(signal.SIGTERM)


def _data(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
    data: dict[str, Any] = answer.json()["data"]
    return data
