"""Who a person is at Stripe: one customer object, made before their first deposit and used for all of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction
from jobsphere.identity.people import User, find_user
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused
from jobsphere.stripe_gateway.once import Once
from jobsphere.wallets.tables import wallets
from jobsphere.wallets.wallet import Wallet, wallet_of


async def customer_of(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user_id: UUID) -> str:
    """The person's customer id at Stripe, made once."""
    wallet, user, key = await _wallet_before_customer(engine, user_id, clock.now())
    if wallet.stripe_customer_id is not None:
        return wallet.stripe_customer_id
    try:
        customer_id = await once.send(engine, clock, _customer(gateway, user, key))
    except Refused as refusal:
        await _store_no_customer(engine, key, refusal.code, clock.now())
        if refusal.code != calls.NEVER_HAPPENED:
            raise
        raise OutcomeUnknown(refusal.operation, "the next attempt makes the customer") from refusal
    await _store_customer(engine, user.id, customer_id, key, clock.now())
    return customer_id


def _customer(gateway: StripeGateway, user: User, key: str) -> Once[str]:
    return Once(
        key,
        lambda: gateway.create_customer(user_id=user.id, email=user.email, name=user.name, key=key),
        lambda _: gateway.find_customer(user_id=user.id, email=user.email),
    )


@in_own_transaction
async def _wallet_before_customer(
    connection: AsyncConnection, user_id: UUID, now: datetime
) -> tuple[Wallet, User, str]:
    wallet = await wallet_of(connection, user_id)
    user = await find_user(connection, user_id)
    assert user is not None
    if wallet.stripe_customer_id is not None:
        return wallet, user, ""
    return wallet, user, await calls.begin_attempt(connection, f"user:{user_id}:customer", now=now)


@in_own_transaction
async def _store_customer(
    connection: AsyncConnection, user_id: UUID, customer_id: str, key: str, now: datetime
) -> None:
    await connection.execute(
        update(wallets).where(wallets.c.user_id == user_id).values(stripe_customer_id=customer_id)
    )
    await calls.succeeded(connection, key, object_id=customer_id, now=now)


@in_own_transaction
async def _store_no_customer(connection: AsyncConnection, key: str, code: str | None, now: datetime) -> None:
    await calls.refused(connection, key, code=code, now=now)
