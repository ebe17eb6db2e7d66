"""The application as a client sees it, with and without a database behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, Ids
from jobsphere.database import create_engine
from jobsphere.settings import Settings
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.web.app import create_app
from jobsphere.web.context import Context

PASSWORD = "correct horse battery"
SignIn = Callable[..., Awaitable[dict[str, str]]]


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, platform_name="JobSphere", payment_currency="usd")


@pytest.fixture
async def gateway() -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(secret_key="sk_test_x", api_base="http://127.0.0.1:9", timeout_seconds=1)
    yield gateway
    await gateway.close()


@pytest.fixture
async def unreachable_engine() -> AsyncIterator[AsyncEngine]:
    """A database that refuses every connection: nobody listens on the discard port."""
    engine = create_engine("postgresql+asyncpg://nobody@127.0.0.1:9/nothing")
    yield engine
    await engine.dispose()


@pytest.fixture
def bare_context(
    settings: Settings,
    unreachable_engine: AsyncEngine,
    clock: ClockMovedByHand,
    ids: Ids,
    gateway: StripeGateway,
) -> Context:
    """A context for what needs no database."""
    secret = b"a secret of 32 bytes for tests .."
    return Context(settings, unreachable_engine, clock, ids, secret, gateway, wake=lambda: None)


@pytest.fixture
def context(bare_context: Context, engine: AsyncEngine) -> Context:
    return Context(
        bare_context.settings,
        engine,
        bare_context.clock,
        bare_context.ids,
        bare_context.token_secret,
        bare_context.gateway,
        bare_context.wake,
    )


@pytest.fixture
def bare_app(bare_context: Context) -> FastAPI:
    return create_app(bare_context)


@pytest.fixture
def app(context: Context) -> FastAPI:
    return create_app(context)


async def _client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jobsphere.example") as client:
        yield client


@pytest.fixture
async def bare_client(bare_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async for client in _client(bare_app):
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async for client in _client(app):
        yield client


@pytest.fixture
def sign_in(client: httpx.AsyncClient) -> SignIn:
    """Register somebody and sign them in: the headers with which they call."""

    async def headers(email: str = "ann@example.com", role: str = "customer") -> dict[str, str]:
        person: dict[str, Any] = {"email": email, "password": PASSWORD}
        registered = await client.post("/api/auth/register", json={**person, "name": "Ann", "role": role})
        assert registered.status_code == 201, registered.text
        signed_in = await client.post("/api/auth/login", json=person)
        assert signed_in.status_code == 200, signed_in.text
        return {"Authorization": f"Bearer {signed_in.json()['data']['token']}"}

    return headers
