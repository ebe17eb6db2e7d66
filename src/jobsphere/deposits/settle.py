"""What Stripe says of deposits, by its events or when it is asked. Only here is a wallet credited."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import in_own_transaction
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
    return await _apply(connection, intent, lambda deposit: _succeeded(deposit, intent), now)


async def payment_canceled(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """It will never charge a card. False when it is not ours."""
    return await _apply(connection, intent, lambda deposit: lifecycle.canceled(deposit, CANCELED), now)


async def payment_said(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """Apply what Stripe said of it when it was asked just now. False when it is not ours.

    Raises:
        UnexpectedAmount: Stripe received something else than was asked for.
    """
    return await _apply(connection, intent, lambda deposit: said(deposit, intent), now)


@in_own_transaction
async def store_said(
    connection: AsyncConnection, deposit_id: UUID, intent: PaymentIntent, now: datetime
) -> Deposit:
    """As ``payment_said``, in a database transaction of its own; the deposit after it."""
    deposit = await store.lock(connection, deposit_id)
    return await store.save(connection, deposit, said(deposit, intent), now=now)


def said(deposit: Deposit, intent: PaymentIntent) -> Step:
    """What the PaymentIntent as it is now means for its deposit (statuses: stripe.md section 1)."""
    match intent.status:
        case "succeeded":
            return _succeeded(deposit, intent)
        case "canceled":
            return lifecycle.canceled(deposit, CANCELED)
        case "requires_action":
            return lifecycle.requires_action(deposit, intent.id)
        case "processing":
            return lifecycle.processing(deposit, intent.id)
        case "requires_payment_method" if intent.failure is not None:
            return lifecycle.declined(deposit, intent.id, intent.failure)
        case _:
            return Step(deposit)


def _succeeded(deposit: Deposit, intent: PaymentIntent) -> Step:
    return lifecycle.succeeded(deposit, intent.id, intent.amount_received, intent.charge_id)


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
