"""What tests of the database share: a superuser, whom JobSphere never is, and people with wallets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import DatabaseTransaction, create_engine, reading
from jobsphere.embedded_postgres.cluster import SUPERUSER
from jobsphere.identity.people import Role
from jobsphere.marketplace.join import join
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.wallets.wallet import Wallet, wallet_of
from tests.conftest import Databases
from tests.database.mail import Mail
from tests.marketplace.market import Market

_DO = DatabaseTransaction("tests.database")
Do = Callable[[Callable[[AsyncConnection], Awaitable[object]]], Awaitable[object]]
Join = Callable[[], Awaitable[Wallet]]


@pytest.fixture
async def superuser_engine(databases: Databases, database: str) -> AsyncIterator[AsyncEngine]:
    """Signed in as the one whom PostgreSQL refuses nothing."""
    password = databases.cluster.superuser_password
    engine = create_engine(
        databases.cluster.url(user=SUPERUSER, password=password, database=database), pool_size=2
    )
    yield engine
    await engine.dispose()


@pytest.fixture
def do(engine: AsyncEngine) -> Do:
    """Does work in a database transaction of its own."""

    async def run(work: Callable[[AsyncConnection], Awaitable[object]]) -> object:
        return await _DO.run(engine, work)

    return run


@pytest.fixture
def joined(engine: AsyncEngine, clock: ClockMovedByHand, ids: IdsFromSeed) -> Join:
    """Lets somebody join, and gives their wallet."""

    async def somebody() -> Wallet:
        user_id: UUID = ids.new()
        await join(
            engine,
            user_id=user_id,
            email=f"{user_id}@example.com",
            name="Somebody",
            role=Role.CONTRACTOR,
            password_hash="unused",
            currency="usd",
            now=clock.now(),
        )
        async with reading(engine) as connection:
            return await wallet_of(connection, user_id)

    return somebody


@pytest.fixture
def mail(engine: AsyncEngine, clock: ClockMovedByHand, ids: IdsFromSeed) -> Mail:
    """Where Stripe does not answer."""
    stripe = StripeGateway(secret_key="sk_test_none", api_base="http://127.0.0.1:9", timeout_seconds=1)
    return Mail(Market(engine, clock, ids), engine, clock, ids, stripe)
