"""Give a deposit up: make sure at Stripe that nothing will be charged, then say so to its owner.

What could not be confirmed for an hour is canceled; what its owner left for a day expires (lifecycle.md,
section 9).
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction
from jobsphere.deposits import lifecycle, settle, store
from jobsphere.deposits.declines import NOT_SENT
from jobsphere.deposits.lifecycle import LEFT_TO_CUSTOMER, UNSENT, Deposit
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import Refused
from jobsphere.stripe_gateway.objects import PaymentIntent
from jobsphere.stripe_gateway.once import Once

UNSENT_SECONDS_MAX = 60 * 60


def is_overdue(deposit: Deposit, now: datetime) -> bool:
    """Whether Stripe did not answer for too long, or the owner left it for too long."""
    if deposit.state in UNSENT:
        return now - deposit.attempted_at > timedelta(seconds=UNSENT_SECONDS_MAX)
    return deposit.state in LEFT_TO_CUSTOMER and now >= store.expires_at(deposit)


async def give_up(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit: Deposit) -> Deposit:
    """Cancel the PaymentIntent, or take what it became meanwhile.

    Raises:
        OutcomeUnknown: it may be canceled or not; the deposit stays as it is.
    """
    if deposit.payment_intent_id is None:
        # A PaymentIntent that was never confirmed charges nobody, so one we never heard of may stay.
        return await _store_given_up(engine, deposit, clock.now())
    key = await _before_cancel(engine, deposit.id, clock.now())
    try:
        await once.send(engine, clock, _cancellation(gateway, deposit.payment_intent_id, key))
    except Refused as refusal:
        # Too late: it was paid, or canceled by somebody else.
        intent = await gateway.retrieve_payment_intent(deposit.payment_intent_id)
        return await _store_refused(engine, deposit, intent, key, refusal.code, clock.now())
    return await _store_given_up(engine, deposit, clock.now(), key=key)


def _cancellation(gateway: StripeGateway, payment_intent_id: str, key: str) -> Once[PaymentIntent]:
    async def look_up(_: datetime) -> PaymentIntent | None:
        intent = await gateway.retrieve_payment_intent(payment_intent_id)
        return intent if intent.status == "canceled" else None

    return Once(key, lambda: gateway.cancel_payment_intent(payment_intent_id, key=key), look_up)


@in_own_transaction
async def _before_cancel(connection: AsyncConnection, deposit_id: UUID, now: datetime) -> str:
    return await calls.begin_attempt(connection, f"deposit:{deposit_id}:cancel", now=now)


@in_own_transaction
async def _store_refused(
    connection: AsyncConnection, seen: Deposit, intent: PaymentIntent, key: str, code: str | None, now: datetime
) -> Deposit:
    deposit = await store.lock(connection, seen.id)
    await calls.refused(connection, key, code=code, now=now)
    if intent.status == "canceled":
        return await _ended(connection, seen, deposit, now)
    return await store.save(connection, deposit, settle.said(deposit, intent), now=now)


@in_own_transaction
async def _store_given_up(
    connection: AsyncConnection, seen: Deposit, now: datetime, *, key: str | None = None
) -> Deposit:
    """``key``: the one with which Stripe canceled the PaymentIntent."""
    deposit = await store.lock(connection, seen.id)
    if key is not None and seen.payment_intent_id is not None:
        await calls.succeeded(connection, key, object_id=seen.payment_intent_id, now=now)
    return await _ended(connection, seen, deposit, now)


async def _ended(connection: AsyncConnection, seen: Deposit, deposit: Deposit, now: datetime) -> Deposit:
    if deposit.state is not seen.state or deposit.attempt_number != seen.attempt_number:
        return deposit  # somebody got an answer after all
    is_left = deposit.state in LEFT_TO_CUSTOMER
    step = lifecycle.expired(deposit) if is_left else lifecycle.canceled(deposit, NOT_SENT)
    return await store.save(connection, deposit, step, now=now)
