"""JobSphere's web and worker over real HTTP, the sandbox beside them, and people who use it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.cli.stack import using_sandbox
from jobsphere.clock import TimeOrderedIds
from jobsphere.database import create_engine, reading
from jobsphere.deposits.tables import charge_fees
from jobsphere.identity import tokens
from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import Account, processing_costs, stripe_balance
from jobsphere.ledger.read import balance
from jobsphere.marketplace.join import join
from jobsphere.reconciliation.audit import prove
from jobsphere.settings import Settings
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.web.app import create_app
from jobsphere.web.context import Context
from jobsphere.webhooks.catch_up import CatchUp
from jobsphere.worker import Worker
from stripe_sandbox.control import Control
from stripe_sandbox.testing import run_in_process
from tests.conftest import Databases
from tests.description.exchanges import Judge, judged

WEBHOOK_SECRET = "whsec_platform"
CONNECT_SECRET = "whsec_connect"
JUDGE = Judge(product=True)
SETTLE_SECONDS_MAX = 60.0
BUSY_MAX = 20


@dataclass(slots=True)
class ClockThatJumps:
    """The real time plus what a test added to it: signatures and tokens are judged by real clocks."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in: what they ask is sent with their token, and the answer is not judged."""

    id: UUID
    http: httpx.AsyncClient
    token: str

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.http.post(path, json=body, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {self.token}"})

    async def data(self, path: str) -> Any:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def done(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        answer = await self.post(path, body, key=key)
        for _ in range(BUSY_MAX):
            if answer.status_code != 503 or answer.json()["code"] != "busy":
                break
            # Nothing was changed, and the answer says what to do: ask again in a moment.
            await asyncio.sleep(0.2)
            answer = await self.post(path, body, key=key)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def wallet(self) -> tuple[str, str]:
        """Balance and escrow balance."""
        data = await self.data("/api/wallet")
        return data["balance"], data["escrowBalance"]


@dataclass(slots=True)
class JobSphere:
    """The running whole."""

    engine: AsyncEngine
    gateway: StripeGateway
    clock: ClockThatJumps
    worker: Worker
    http: httpx.AsyncClient
    sandbox: Control
    sandbox_url: str
    token_secret: bytes
    currency: str = "usd"

    async def person(self, role: Role, name: str = "Somebody") -> Person:
        """A new person, signed in."""
        user_id = TimeOrderedIds().new()
        await join(
            self.engine,
            user_id=user_id,
            email=f"{user_id}@example.com",
            name=name,
            role=role,
            password_hash="not a hash, so nobody signs in with it",
            currency=self.currency,
            now=self.clock.now(),
        )
        return Person(user_id, self.http, tokens.issue(self.token_secret, user_id, self.clock.now(), 10**8))

    async def until(self, what: str, is_so: Callable[[], Any]) -> Any:
        """Wait until ``is_so`` (which may be a coroutine function) is true; returns what it gave."""
        deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS_MAX
        while asyncio.get_running_loop().time() < deadline:
            found = is_so()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"not within {SETTLE_SECONDS_MAX} s: {what}")

    async def deposited(self, customer: Person, amount: str, card: str = "pm_card_bypassPending") -> Any:
        """Deposit and wait until it is in the wallet."""
        started = await customer.done("/api/wallet/deposit", {"amount": amount, "paymentMethodId": card})
        return await self.deposit_in(customer, started["depositId"], "completed")

    async def deposit_in(self, customer: Person, deposit_id: str, status: str) -> Any:
        async def reached() -> Any:
            found = await customer.data(f"/api/wallet/deposits/{deposit_id}")
            return found if found["status"] == status else None

        return await self.until(f"deposit {status}", reached)

    async def withdrawal_in(self, contractor: Person, withdrawal_id: str, state: str) -> Any:
        async def reached() -> Any:
            found = await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}")
            return found if found["state"] == state else None

        return await self.until(f"withdrawal {state}", reached)

    async def onboarded(self, contractor: Person) -> str:
        """The contractor's account, ready to be paid."""
        account_id = (await contractor.done("/api/wallet/connect", {}))["accountId"]
        await self.sandbox.onboard(account_id)
        assert (await contractor.data("/api/wallet/connect/status"))["onboarded"]
        return str(account_id)

    async def earned(
        self, amount: str, *, deposit: str | None = None, card: str = "pm_card_bypassPending"
    ) -> tuple[Person, Person]:
        """A customer and a contractor who completed a job of ``amount``; the contractor is onboarded."""
        customer, contractor = await self.person(Role.CUSTOMER), await self.person(Role.CONTRACTOR)
        # Rounded as the platform fee is.
        needed = (Decimal(amount) * Decimal("1.05")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        await self.deposited(customer, deposit or str(needed), card)
        job = (await customer.done("/api/jobs", {"title": "Paint", "description": "All of it."}))["job"]
        body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": amount}
        offer = (await customer.done("/api/offers", body))["offer"]
        await contractor.done(f"/api/offers/{offer['id']}/accept")
        await customer.done(f"/api/jobs/{job['id']}/complete")
        await self.onboarded(contractor)
        return customer, contractor

    async def balance_minor(self, account: Account) -> int:
        async with reading(self.engine) as connection:
            return (await balance(connection, account)).amount_minor

    async def card_money_minor(self) -> int:
        """What is at Stripe, with what Stripe keeps of it: its fees may be known already or not."""
        costs = await self.balance_minor(processing_costs(self.currency))
        return costs + await self.balance_minor(stripe_balance(self.currency))

    async def same_as_stripes_books(self) -> None:
        """Wait until each fee is known; then ``stripe:balance`` is what Stripe's own books hold, to the cent."""

        async def all_known() -> bool:
            async with reading(self.engine) as connection:
                pending = select(func.count()).where(charge_fees.c.state == "pending")
                return (await connection.execute(pending)).scalar_one() == 0

        await self.until("every fee is known", all_known)
        at_stripe = sum(
            line["available"] + line["pending"]
            for line in (await self.sandbox.books())["accounts"]
            if "Platform" in line["account"] and line["currency"] == self.currency
        )
        assert await self.balance_minor(stripe_balance(self.currency)) == at_stripe

    async def events(self, type_: str) -> list[Any]:
        """The sandbox's deliveries of that type of event."""
        return [one for one in await self.sandbox.deliveries() if one["type"] == type_]

    async def books_hold(self) -> None:
        proof = await prove(self.engine, now=self.clock.now())
        assert proof.holds, [result for result in proof.results if result.breaches]
        assert (await self.sandbox.books())["balanced"]


@asynccontextmanager
async def running(
    url: str, settings: Settings, heals: CatchUp | None = None, *, poll_seconds: float = 0.05
) -> AsyncIterator[JobSphere]:
    """JobSphere and a sandbox of its own, on the database at ``url``; without ``heals`` only events tell it."""
    async with run_in_process(observers=(JUDGE,)) as sandbox:
        settings = using_sandbox(settings, sandbox.url)
        assert settings.stripe_secret_key is not None
        assert settings.jobsphere_token_secret is not None
        engine, clock = create_engine(url), ClockThatJumps()
        gateway = StripeGateway(
            secret_key=settings.stripe_secret_key.get_secret_value(),
            api_base=sandbox.url,
            timeout_seconds=settings.stripe_timeout_seconds,
        )
        wait = timedelta(hours=settings.bank_change_wait_hours)
        worker = Worker(
            engine, gateway, clock, TimeOrderedIds(), poll_seconds=poll_seconds, heals=heals, bank_change_wait=wait
        )
        secret = settings.jobsphere_token_secret.get_secret_value().encode()
        context = Context(settings, engine, clock, TimeOrderedIds(), secret, gateway, worker.wake)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            await sandbox.control.add_webhook_endpoint(f"{base_url}/api/webhooks/stripe", WEBHOOK_SECRET)
            await sandbox.control.add_webhook_endpoint(
                f"{base_url}/api/webhooks/stripe/connect", CONNECT_SECRET, connect=True
            )
            config = uvicorn.Config(
                create_app(context),
                lifespan="off",
                log_config=None,
                access_log=False,
                # A test that thinks for long must not meet a connection that is just being closed.
                timeout_keep_alive=600,
            )
            server = _ServerOfATest(config)
            tasks = [asyncio.create_task(server.serve(sockets=[listener])), asyncio.create_task(worker.run())]
            limits = httpx.Limits(max_connections=300)
            async with httpx.AsyncClient(base_url=base_url, timeout=60, limits=limits, trust_env=False) as http:
                parts = (engine, gateway, clock, worker, http, sandbox.control, sandbox.url, secret)
                try:
                    yield JobSphere(*parts, settings.payment_currency)
                finally:
                    worker.stop()
                    server.should_exit = True
            await asyncio.gather(*tasks)
        await gateway.close()
        await engine.dispose()


class _ServerOfATest(uvicorn.Server):
    """A server that leaves the signals to pytest."""

    def capture_signals(self) -> Any:
        return nullcontext()


def settings_for_tests(**changes: Any) -> Settings:
    """Settings with the secrets that the sandbox of a test signs with, and nobody who is too quick."""
    changes = {"deposits_per_hour_max": 10**6, "card_failures_per_day_max": 10**6, **changes}
    return Settings(
        _env_file=None,
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
        stripe_connect_webhook_secret=SecretStr(CONNECT_SECRET),
        jobsphere_token_secret=SecretStr("a secret of tests that has 32 characters"),
        **changes,
    )


@pytest.fixture(autouse=True)
def hold_against_stripes_description() -> Iterator[None]:
    """Every request that JobSphere makes must be as Stripe describes it, and every answer it gets."""
    yield
    judged(JUDGE)


@pytest.fixture
def settings() -> Settings:
    return settings_for_tests()


@pytest.fixture
async def jobsphere(databases: Databases, database: str, settings: Settings) -> AsyncIterator[JobSphere]:
    async with running(databases.url(database), settings) as jobsphere:
        yield jobsphere
