"""``jobsphere demo``: the whole money flow over three real processes, each step checked to the cent.

JobSphere, the Stripe sandbox and PostgreSQL run as they would in earnest; this program is only their
customer, their contractor and their clock. It asserts: a balance that is not as expected ends it with 1.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from jobsphere.settings import Settings

START_SECONDS_MAX = 60
SETTLE_SECONDS_MAX = 20
_HEADINGS = (
    ("customer", "customer", "", "", ""),
    ("available", "escrow", "platform", "contractor", "at Stripe"),
)
_COLUMNS = ("available", "escrow", "platform", "contractor", "stripe")


class DemoFailed(Exception):
    """Something is not as it should be; the message says what."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What every pot holds after a step, in major units."""

    step: str
    available: str
    escrow: str
    platform: str
    contractor: str
    stripe: str  # what the ledger says the platform holds at Stripe


# design.md's table, with Stripe's fee (2.9 % + 30 cents) as a row of its own. The last column is the card money
# without what Stripe has kept and what has left for the bank.
TABLE = (
    Expected("deposited", "200.00", "0.00", "0.00", "0.00", "200.00"),
    Expected("charged", "200.00", "0.00", "0.00", "0.00", "193.90"),
    Expected("offered", "95.00", "105.00", "0.00", "0.00", "193.90"),
    Expected("accepted", "95.00", "100.00", "5.00", "0.00", "193.90"),
    Expected("completed", "95.00", "0.00", "25.00", "80.00", "193.90"),
    Expected("withdrawn", "95.00", "0.00", "25.00", "0.00", "113.90"),
)
FEE = "6.10"


def run(also_expect: Sequence[str]) -> int:
    """Play it; 0 if every step is as expected and the books are proven, else 1."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        expected = _overridden(TABLE, also_expect)
        with _folder() as home, _served(home, console) as base_url, httpx.Client(base_url=base_url) as http:
            _Play(http, console, _sandbox_url(home), {one.step: one for one in expected}).all()
            return _check(home, console)
    except (DemoFailed, httpx.HTTPError) as failure:
        console.print(f"[bold red]The demo failed:[/] {failure}")
        return 1


@dataclass(slots=True)
class _Play:
    """The two people, signed in, and what they do."""

    http: httpx.Client
    console: Console
    sandbox_url: str
    expected: Mapping[str, Expected]
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def all(self) -> None:
        self._sign_in()
        for heading in _HEADINGS:
            self.console.print(" " * 44 + "".join(f"{name:>12}" for name in heading))
        for step in (self._deposit, self._offer, self._accept, self._complete, self._withdraw):
            step()

    def _deposit(self) -> None:
        body = {"amount": 200, "paymentMethodId": "pm_card_bypassPending"}
        deposit = self._post("customer", "/api/wallet/deposit", body)
        self._until(
            "the deposit is credited", f"/api/wallet/deposits/{deposit['depositId']}", "customer", "completed"
        )
        # Stripe says what it keeps a moment later; here the money is still shown as it was paid.
        self._show("deposited", "Customer deposits $200 by card", before_fee=True)
        self._until("Stripe's fee is known", "/api/admin/platform", "admin", FEE, member="processingCosts")
        self._show("charged", f"Stripe keeps {FEE}, a cost of the platform")

    def _offer(self) -> None:
        posted = self._post("customer", "/api/jobs", {"title": "Paint the fence", "description": "Green."})
        job = posted["job"]
        body = {"jobId": job["id"], "contractorId": self.ids["contractor"], "amount": "100.00"}
        offer = self._post("customer", "/api/offers", body)["offer"]
        self.ids |= {"job": job["id"], "offer": offer["id"]}
        self._show("offered", "Customer sends a $100 offer (5 % on top)")

    def _accept(self) -> None:
        self._post("contractor", f"/api/offers/{self.ids['offer']}/accept", {})
        self._show("accepted", "Contractor accepts")

    def _complete(self) -> None:
        self._post("customer", f"/api/jobs/{self.ids['job']}/complete", {})
        self._show("completed", "Job completed (20 % out of the amount)")

    def _withdraw(self) -> None:
        self._onboard()
        withdrawal = self._post("contractor", "/api/wallet/withdraw", {"amount": 80})
        path = f"/api/wallet/withdrawals/{withdrawal['withdrawalId']}"
        self._until("the payout is on its way", path, "contractor", "in_transit", member="state")
        self.console.print("  Stripe: transfer 80.00 made, payout 80.00 on its way; three days pass …")
        self._sandbox("/clock/advance", {"seconds": 3 * 24 * 3600})
        paid = self._until("the payout is paid", path, "contractor", "completed")
        if (paid["state"], paid["amount"]) != ("paid", "80.00"):
            raise DemoFailed(f"the payout is {paid['state']} with {paid['amount']}, not paid with 80.00")
        self._show("withdrawn", "Contractor withdraws $80")
        made = f"transfer {paid['transferId']} and payout {paid['payoutId']}"
        self.console.print(f"  Stripe: {made} of 80.00: [green]paid[/]")

    def _onboard(self) -> None:
        """Fill in Stripe's page, as the contractor would in the browser."""
        link = self._post("contractor", "/api/wallet/connect", {})
        self._sandbox("/dashboard/onboard", {"account": link["accountId"], "outcome": "complete"})
        status = self._get("contractor", "/api/wallet/connect/status")
        if not status["onboarded"]:
            raise DemoFailed(f"the contractor is not onboarded: {status}")

    def _sign_in(self) -> None:
        for role in ("customer", "contractor", "admin"):
            body = {"email": f"{role}@demo.example", "password": "demo-password"}
            data = self._answer(self.http.post("/api/auth/login", json=body))
            self.tokens[role], self.ids[role] = data["token"], data["user"]["id"]

    def _show(self, step: str, title: str, *, before_fee: bool = False) -> None:
        found = self._balances(step, before_fee=before_fee)
        expected = self.expected[step]
        amounts = [getattr(found, column) for column in _COLUMNS]
        self.console.print(f"[bold]{title:<44}[/]" + "".join(f"{amount:>12}" for amount in amounts))
        if found != expected:
            wrong = [
                f"{column} is {getattr(found, column)}, expected {getattr(expected, column)}"
                for column in _COLUMNS
                if getattr(found, column) != getattr(expected, column)
            ]
            raise DemoFailed(f"after «{step}» {'; '.join(wrong)}")

    def _balances(self, step: str, *, before_fee: bool) -> Expected:
        customer = self._get("customer", "/api/wallet")
        contractor = self._get("contractor", "/api/wallet")
        platform = self._get("admin", "/api/admin/platform")
        at_stripe = Decimal(platform["stripeBalance"])
        if before_fee:
            at_stripe += Decimal(platform["processingCosts"])
        return Expected(
            step=step,
            available=customer["balance"],
            escrow=customer["escrowBalance"],
            platform=platform["fees"],
            contractor=contractor["balance"],
            stripe=str(at_stripe),
        )

    def _until(self, what: str, path: str, role: str, wanted: str, *, member: str = "status") -> dict[str, Any]:
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while time.monotonic() < deadline:
            data = self._get(role, path)
            if data[member] == wanted:
                return data
            time.sleep(0.05)
        raise DemoFailed(f"{what}: still {data[member]} after {SETTLE_SECONDS_MAX} s")

    def _post(self, role: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {**self._signed_in(role), "Idempotency-Key": secrets.token_hex(8)}
        return self._answer(self.http.post(path, json=body, headers=headers))

    def _get(self, role: str, path: str) -> dict[str, Any]:
        return self._answer(self.http.get(path, headers=self._signed_in(role)))

    def _signed_in(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def _sandbox(self, path: str, body: dict[str, Any]) -> None:
        self.http.post(f"{self.sandbox_url}/_sandbox{path}", json=body, timeout=60).raise_for_status()

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            raise DemoFailed(f"{response.request.method} {response.request.url.path}: {response.text}")
        data: dict[str, Any] = response.json()["data"]
        return data


@contextmanager
def _folder() -> Iterator[Path]:
    """A home of the demo's own that vanishes with it; PostgreSQL's account must be able to enter it."""
    folder = Path(tempfile.mkdtemp(prefix="jobsphere-demo-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _served(home: Path, console: Console) -> Iterator[str]:
    """JobSphere as ``make run`` starts it, on a free port and with data of its own."""
    log_file = home / "serve.log"
    console.print("Starting JobSphere, its PostgreSQL and its Stripe sandbox …")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobsphere", "serve", "--port", "0"],
            env=_environment(home),
            # Not where we are: settings are read from a file .env in the working directory, too.
            cwd=home,
            stdout=log,
            stderr=log,
        )
    try:
        yield _address(process, log_file)
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS_MAX)


def _environment(home: Path) -> dict[str, str]:
    """Nothing configured, so that everything is started here and no real account is touched."""
    inherited = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    return {**inherited, "JOBSPHERE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}


def _address(process: "subprocess.Popen[bytes]", log_file: Path) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"API +(http://\S+)", log_file.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise DemoFailed(f"JobSphere did not start:\n{log_file.read_text(errors='replace')[-3000:]}")


def _sandbox_url(home: Path) -> str:
    url: str = json.loads((home / "sandbox" / "address.json").read_text())["url"]
    return url


def _check(home: Path, console: Console) -> int:
    console.print("\njobsphere check")
    command = [sys.executable, "-m", "jobsphere", "check"]
    finished = subprocess.run(
        command, env=_environment(home), cwd=home, capture_output=True, text=True, check=False
    )
    console.print(finished.stdout.rstrip(), markup=False)
    if finished.returncode != 0:
        raise DemoFailed(f"the books do not hold:\n{finished.stderr[-2000:]}")
    console.print("[bold green]Every step is as expected, to the cent.[/]")
    return 0


def _overridden(table: Sequence[Expected], changes: Sequence[str]) -> list[Expected]:
    """The table with expectations changed, as ``withdrawn.contractor=1.00``: how to see the demo fail."""
    expected = {one.step: one for one in table}
    for change in changes:
        found = re.fullmatch(r"([a-z]+)\.([a-z]+)=([0-9.]+)", change)
        if found is None or found[1] not in expected or found[2] not in _COLUMNS:
            raise DemoFailed(
                f"expected step.column=amount with a step of {list(expected)} and a column of {_COLUMNS}"
            )
        expected[found[1]] = replace(expected[found[1]], **{found[2]: found[3]})
    return list(expected.values())
