"""A sandbox, the official SDK pointed at it, and receivers for its webhooks."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.control import Control
from stripe_sandbox.testing import RunningSandbox, run_in_process
from tests.description.exchanges import Judge, judged

from .receiver import SECRET, Receiver

HERE = Path(__file__).parent
JUDGE = Judge()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bear with the SDK, which hands httpx its bodies in a way that httpx has deprecated."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"))


@dataclass
class Seller:
    """The platform of a test: its clients for the sandbox, and short ways to what most tests need first."""

    url: str
    control: Control
    clients: list[stripe.HTTPXClient] = field(default_factory=list)

    def client(self, key: str = "sk_test_platform", account: str | None = None, **options: float) -> V1Services:
        """The official SDK's client, without retries, pointed at the sandbox."""
        http = stripe.HTTPXClient(**options)
        self.clients.append(http)
        return stripe.StripeClient(
            key, base_addresses={"api": self.url}, stripe_account=account, http_client=http
        ).v1

    async def paid_in(self, amount: int = 20_000, card: str = "pm_card_bypassPending") -> stripe.PaymentIntent:
        """A confirmed payment intent; with the default card its money is available at once."""
        return await self.client().payment_intents.create_async(
            {
                "amount": amount,
                "currency": "usd",
                "payment_method": card,
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )

    async def connected(self, account_number: str | None = None) -> str:
        """The id of an Express account that may receive and withdraw."""
        account = await self.client().accounts.create_async(
            {
                "type": "express",
                "capabilities": {"transfers": {"requested": True}},
                "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            }
        )
        await self.control.onboard(account.id, account_number=account_number)
        return account.id

    async def funded(self, amount: int = 8_000, account_number: str | None = None) -> str:
        """The id of an Express account to which ``amount`` was transferred."""
        await self.paid_in()
        account = await self.connected(account_number)
        await self.client().transfers.create_async({"amount": amount, "currency": "usd", "destination": account})
        return account

    async def close(self) -> None:
        """Close all clients."""
        for client in self.clients:
            await client.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
async def running() -> AsyncIterator[RunningSandbox]:
    """One sandbox for all tests; each begins with an empty one."""
    async with run_in_process(observers=(JUDGE,)) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def hold_against_the_description() -> Iterator[None]:
    """Every request that succeeded and every answer of every test must be as Stripe describes them."""
    yield
    judged(JUDGE)


@pytest.fixture(autouse=True)
async def proved_books(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The books are proved when a test that used the sandbox is over."""
    sandbox = request.getfixturevalue("running") if "running" in request.fixturenames else None
    yield
    if sandbox is not None:
        books = await sandbox.control.books()
        assert books["balanced"], books["differences"]


@pytest.fixture
async def seller(running: RunningSandbox) -> AsyncIterator[Seller]:
    """An empty sandbox."""
    await running.control.reset()
    seller = Seller(running.url, running.control)
    yield seller
    await seller.close()


@pytest.fixture
def stripe_client(seller: Seller) -> V1Services:
    """The official SDK's client of the platform."""
    return seller.client()


@pytest.fixture
async def http(running: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP with a secret key, for what the SDK hides."""
    headers = {"Authorization": "Bearer sk_test_platform"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
async def browser(running: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any key that says, as browsers do, that its forms come from the sandbox's own pages."""
    headers = {"Origin": running.url, "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, trust_env=False) as client:
        yield client


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/webhooks"
    async with server:
        yield receiver


@pytest.fixture
async def platform_events(seller: Seller) -> AsyncIterator[Receiver]:
    """A receiver of the platform's events."""
    async with listening() as receiver:
        await seller.control.add_webhook_endpoint(receiver.url, SECRET)
        yield receiver
        await forget_endpoints(seller)


@pytest.fixture
async def connect_events(seller: Seller) -> AsyncIterator[Receiver]:
    """A receiver of the connected accounts' events."""
    async with listening() as receiver:
        await seller.control.add_webhook_endpoint(receiver.url, SECRET, connect=True)
        yield receiver
        await forget_endpoints(seller)


async def forget_endpoints(seller: Seller) -> None:
    """Remove all webhook endpoints, so that the next test begins without any."""
    client = seller.client()
    for endpoint in (await client.webhook_endpoints.list_async({"limit": 100})).data:
        await client.webhook_endpoints.delete_async(endpoint.id)


@pytest.fixture(scope="session")
def node_library() -> Path:
    """The folder of the official Node library, installed from the lock if ``make setup`` did not do it."""
    tours = HERE / "tours"
    if not (tours / "node_modules" / "stripe" / "package.json").exists():
        subprocess.run(["npm", "ci", "--prefer-offline"], cwd=tours, check=True, timeout=300)  # noqa: S607
    return tours / "node_modules"
