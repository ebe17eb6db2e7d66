"""A market on a database of the test's own, and the application in front of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, Ids
from jobsphere.identity import tokens
from jobsphere.identity.people import User
from jobsphere.settings import Settings
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.web.app import create_app
from jobsphere.web.context import Context

from .market import Market

TOKEN_SECRET = b"a secret of 32 bytes for tests .."
Call = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@pytest.fixture
def market(engine: AsyncEngine, clock: ClockMovedByHand, ids: Ids) -> Market:
    return Market(engine, clock, ids)


@pytest.fixture
async def client(engine: AsyncEngine, clock: ClockMovedByHand, ids: Ids) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application; nobody listens where Stripe would be, for nothing here asks Stripe."""
    gateway = StripeGateway(secret_key="sk_test_x", api_base="http://127.0.0.1:9", timeout_seconds=1)
    settings = Settings(_env_file=None)
    context = Context(settings, engine, clock, ids, TOKEN_SECRET, gateway, wake=lambda: None)
    transport = httpx.ASGITransport(create_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://jobsphere.example") as client:
        yield client
    await gateway.close()


@pytest.fixture
def call(client: httpx.AsyncClient, clock: ClockMovedByHand) -> Call:
    """Calls a path as somebody: gives the status and the JSON body."""

    async def as_somebody(
        user: User, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {tokens.issue(TOKEN_SECRET, user.id, clock.now(), 3600)}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        response = await client.request(method, path, headers=headers, json=body)
        return response.status_code, response.json()

    return as_somebody
