"""What Stripe's events say of deposits. Only here is a wallet credited."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits import lifecycle, store
from jobsphere.deposits.declines import CANCELED
from jobsphere.deposits.lifecycle import Deposit, Step
from jobsphere.stripe_gateway.objects import PaymentIntent


class OtherPaymentIntent(Exception):
    """It names a deposit of ours that has another PaymentIntent: a person must look whose money this is."""


async def payment_succeeded(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """Credit the wallet, once. False when the PaymentIntent is not of a deposit of ours.

    Raises:
        UnexpectedAmount: Stripe received something else than was asked for.
    """
    return await _apply(
        connection,
        intent,
        lambda deposit: lifecycle.succeeded(deposit, intent.id, intent.amount_received, intent.charge_id),
        now,
    )


async def payment_failed(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """An attempt was declined; a later success still counts. False when it is not ours."""
    return await _apply(
        connection, intent, lambda deposit: lifecycle.declined(deposit, intent.id, intent.failure_code), now
    )


async def payment_canceled(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """It will never charge a card. False when it is not ours."""
    return await _apply(connection, intent, lambda deposit: lifecycle.canceled(deposit, CANCELED), now)


async def payment_moved(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """It waits for 3-D Secure or for the bank; any other state is left to its own event. False when not ours."""
    match intent.status:
        case "requires_action":
            return await _apply(connection, intent, lambda one: lifecycle.requires_action(one, intent.id), now)
        case "processing":
            return await _apply(connection, intent, lambda one: lifecycle.processing(one, intent.id), now)
        case _:
            return deposit_id_of(intent) is not None


async def _apply(
    connection: AsyncConnection, intent: PaymentIntent, rule: Callable[[Deposit], Step], now: datetime
) -> bool:
    deposit_id = deposit_id_of(intent)
    deposit = await store.lock_by_payment_intent(connection, intent.id, deposit_id)
    if deposit is None:
        if deposit_id is not None and await store.find(connection, deposit_id) is not None:
            raise OtherPaymentIntent(f"deposit {deposit_id}")
        return False
    await store.save(connection, deposit, rule(deposit), now=now)
    return True


def deposit_id_of(intent: PaymentIntent) -> UUID | None:
    """The deposit that the PaymentIntent was made for, as its metadata say."""
    try:
        return UUID(intent.metadata.get("deposit_id", ""))
    except ValueError:
        return None
