"""Take a deposit to Stripe: customer, PaymentIntent, confirmation; called by the request, then by the worker.

Each call repeats its stored key until Stripe answers, so it may be run again at any time, by anybody.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.deposits import lifecycle, store
from jobsphere.deposits.declines import CANCELED, NOT_POSSIBLE, NOT_SENT
from jobsphere.deposits.lifecycle import UNSENT, Deposit, DepositState, Step
from jobsphere.deposits.start import create_key
from jobsphere.identity.people import User, find_user
from jobsphere.observability import logger
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import CardDeclined, OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import PaymentIntent
from jobsphere.stripe_gateway.once import Once
from jobsphere.wallets.tables import wallets
from jobsphere.wallets.wallet import Wallet, wallet_of

GIVE_UP_SECONDS = 60 * 60
SECRET_SECONDS_MAX = 3

_UNEXPECTED_STATE = "payment_intent_unexpected_state"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a deposit came; ``client_secret`` is for its owner's browser only and is never stored."""

    deposit: Deposit
    client_secret: str | None = field(repr=False, default=None)


async def send(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit_id: UUID) -> Sent:
    """Go on with a deposit as far as Stripe answers.

    An outcome that stays unknown is no error: the deposit keeps its state and is tried again later.
    """
    async with reading(engine) as connection:
        deposit = await store.find(connection, deposit_id)
    if deposit is None:
        raise store.DepositNotFound
    try:
        if _is_overdue(deposit, clock.now()):
            return Sent(await _give_up(engine, gateway, clock, deposit))
        return await _go_on(engine, gateway, clock, deposit)
    except (OutcomeUnknown, StripeMisconfigured) as error:
        log.warning("deposit.outcome_unknown", deposit_id=str(deposit.id), cause=str(error))
        return Sent(await _try_later(engine, deposit.id, clock.now()))


async def client_secret(gateway: StripeGateway, deposit: Deposit) -> str | None:
    """What the owner's browser needs while the bank asks to confirm; asked of Stripe, for it is not stored.

    None while nothing is to be confirmed, and while Stripe does not answer.
    """
    if deposit.state is not DepositState.REQUIRES_ACTION or deposit.payment_intent_id is None:
        return None
    try:
        async with asyncio.timeout(SECRET_SECONDS_MAX):
            return (await gateway.retrieve_payment_intent(deposit.payment_intent_id)).client_secret
    except (OutcomeUnknown, Refused, StripeMisconfigured, TimeoutError):
        return None


async def _go_on(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit: Deposit) -> Sent:
    secret = None
    if deposit.state is DepositState.CREATED:
        deposit, secret = await _create(engine, gateway, clock, deposit)
    if deposit.state is DepositState.CONFIRMING:
        deposit, secret = await _confirm(engine, gateway, clock, deposit)
    return Sent(deposit, secret)


async def _create(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit: Deposit
) -> tuple[Deposit, str | None]:
    try:
        customer_id = await _customer(engine, gateway, clock, deposit.user_id)
        intent = await once.send(engine, clock, _intent_of(gateway, deposit, customer_id))
    except Refused as refusal:
        log.error("deposit.refused", deposit_id=str(deposit.id), operation=refusal.operation, code=refusal.code)
        return await _store_refusal(engine, deposit.id, refusal.code, clock.now()), None
    return await _store_intent(engine, deposit.id, intent, clock.now()), intent.client_secret


def _intent_of(gateway: StripeGateway, deposit: Deposit, customer_id: str) -> Once[PaymentIntent]:
    key = create_key(deposit)
    return Once(
        key,
        lambda: gateway.create_payment_intent(
            amount=deposit.amount, customer_id=customer_id, deposit_id=deposit.id, key=key
        ),
        lambda _: gateway.find_payment_intent(customer_id=customer_id, deposit_id=deposit.id),
    )


async def _confirm(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit: Deposit
) -> tuple[Deposit, str | None]:
    assert deposit.payment_intent_id is not None
    try:
        intent = await once.send(engine, clock, _confirmation_of(gateway, deposit, deposit.payment_intent_id))
    except CardDeclined as decline:
        secret = decline.payment_intent.client_secret if decline.payment_intent else None
        return await _store_decline(engine, deposit.id, decline.code, clock.now()), secret
    except Refused as refusal:
        if refusal.code != _UNEXPECTED_STATE:
            return await _store_decline(engine, deposit.id, refusal.code, clock.now()), None
        # It was confirmed or canceled already: what it is now is the answer.
        intent = await gateway.retrieve_payment_intent(deposit.payment_intent_id)
    return await _store_confirmation(engine, deposit.id, intent, clock.now()), intent.client_secret


def _confirmation_of(gateway: StripeGateway, deposit: Deposit, payment_intent_id: str) -> Once[PaymentIntent]:
    key = _confirm_key(deposit.id)
    return Once(
        key,
        lambda: gateway.confirm_payment_intent(
            payment_intent_id, payment_method_id=deposit.payment_method_id, key=key
        ),
        # Confirmed or not, what the PaymentIntent is now is the answer.
        lambda _: gateway.retrieve_payment_intent(payment_intent_id),
    )


async def _customer(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user_id: UUID) -> str:
    """The person's customer id at Stripe, made once."""
    wallet, user, key = await _wallet_before_customer(engine, user_id, clock.now())
    if wallet.stripe_customer_id is not None:
        return wallet.stripe_customer_id
    try:
        customer_id = await once.send(engine, clock, _customer_of(gateway, user, key))
    except Refused as refusal:
        await _store_no_customer(engine, key, refusal.code, clock.now())
        if refusal.code != calls.NEVER_HAPPENED:
            raise
        raise OutcomeUnknown(refusal.operation, "the next attempt makes the customer") from refusal
    await _store_customer(engine, user.id, customer_id, key, clock.now())
    return customer_id


def _customer_of(gateway: StripeGateway, user: User, key: str) -> Once[str]:
    return Once(
        key,
        lambda: gateway.create_customer(user_id=user.id, email=user.email, name=user.name, key=key),
        lambda _: gateway.find_customer(user_id=user.id, email=user.email),
    )


async def _give_up(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit: Deposit) -> Deposit:
    """Nothing could be sent for an hour: make sure that nothing will be charged, then say so."""
    if deposit.state is DepositState.CONFIRMING:
        assert deposit.payment_intent_id is not None
        key = await _before_cancel(engine, deposit.id, clock.now())
        try:
            await once.send(engine, clock, _cancellation_of(gateway, deposit.payment_intent_id, key))
        except Refused as refusal:
            # Too late to cancel: the card was charged after all, and the event will credit it.
            intent = await gateway.retrieve_payment_intent(deposit.payment_intent_id)
            return await _store_confirmation(engine, deposit.id, intent, clock.now(), refused=(key, refusal.code))
        return await _store_given_up(engine, deposit, clock.now(), canceled=key)
    # A PaymentIntent that was never confirmed charges nobody, so one we never heard of may stay.
    return await _store_given_up(engine, deposit, clock.now())


def _cancellation_of(gateway: StripeGateway, payment_intent_id: str, key: str) -> Once[PaymentIntent]:
    async def look_up(_: datetime) -> PaymentIntent | None:
        intent = await gateway.retrieve_payment_intent(payment_intent_id)
        return intent if intent.status == "canceled" else None

    return Once(key, lambda: gateway.cancel_payment_intent(payment_intent_id, key=key), look_up)


def _is_overdue(deposit: Deposit, now: datetime) -> bool:
    return deposit.state in UNSENT and now - deposit.created_at > timedelta(seconds=GIVE_UP_SECONDS)


def _confirm_key(deposit_id: UUID) -> str:
    return f"deposit:{deposit_id}:confirm:1"


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


@in_own_transaction
async def _store_intent(
    connection: AsyncConnection, deposit_id: UUID, intent: PaymentIntent, now: datetime
) -> Deposit:
    deposit = await store.lock(connection, deposit_id)
    await calls.succeeded(connection, create_key(deposit), object_id=intent.id, now=now)
    await calls.begin(connection, _confirm_key(deposit_id), now=now)
    return await store.save(connection, deposit, lifecycle.intent_created(deposit, intent.id), now=now)


@in_own_transaction
async def _store_refusal(
    connection: AsyncConnection, deposit_id: UUID, code: str | None, now: datetime
) -> Deposit:
    deposit = await store.lock(connection, deposit_id)
    await calls.refused(connection, create_key(deposit), code=code, now=now)
    reason = NOT_SENT if code == calls.NEVER_HAPPENED else NOT_POSSIBLE
    return await store.save(connection, deposit, lifecycle.canceled(deposit, reason), now=now)


@in_own_transaction
async def _store_confirmation(
    connection: AsyncConnection,
    deposit_id: UUID,
    intent: PaymentIntent,
    now: datetime,
    *,
    refused: tuple[str, str | None] | None = None,
) -> Deposit:
    """``refused``: key and code of the cancellation that came too late."""
    deposit = await store.lock(connection, deposit_id)
    if refused is not None:
        await calls.refused(connection, refused[0], code=refused[1], now=now)
    await calls.succeeded(connection, _confirm_key(deposit_id), object_id=intent.id, now=now)
    return await store.save(connection, deposit, _answered(deposit, intent), now=now)


def _answered(deposit: Deposit, intent: PaymentIntent) -> Step:
    """What an answer of Stripe's means. It never credits: that is for the verified event."""
    match intent.status:
        case "requires_action":
            return lifecycle.requires_action(deposit, intent.id)
        case "requires_payment_method" | "requires_confirmation":
            # Without a failure it was never charged: what confirmed it broke down.
            return lifecycle.declined(deposit, intent.id, intent.failure_code or "processing_error")
        case "canceled":
            return lifecycle.canceled(deposit, CANCELED)
        case _:
            return lifecycle.processing(deposit, intent.id)


@in_own_transaction
async def _store_decline(
    connection: AsyncConnection, deposit_id: UUID, code: str | None, now: datetime
) -> Deposit:
    deposit = await store.lock(connection, deposit_id)
    await calls.refused(connection, _confirm_key(deposit_id), code=code, now=now)
    return await store.save(connection, deposit, lifecycle.declined(deposit, None, code), now=now)


@in_own_transaction
async def _before_cancel(connection: AsyncConnection, deposit_id: UUID, now: datetime) -> str:
    return await calls.begin_attempt(connection, f"deposit:{deposit_id}:cancel", now=now)


@in_own_transaction
async def _store_given_up(
    connection: AsyncConnection, seen: Deposit, now: datetime, *, canceled: str | None = None
) -> Deposit:
    """``canceled``: the key with which Stripe canceled the PaymentIntent."""
    deposit = await store.lock(connection, seen.id)
    if canceled is not None and seen.payment_intent_id is not None:
        await calls.succeeded(connection, canceled, object_id=seen.payment_intent_id, now=now)
    if deposit.state is not seen.state:
        return deposit  # somebody got an answer after all
    return await store.save(connection, deposit, lifecycle.canceled(deposit, NOT_SENT), now=now)


@in_own_transaction
async def _try_later(connection: AsyncConnection, deposit_id: UUID, now: datetime) -> Deposit:
    deposit = await store.lock(connection, deposit_id)
    await store.try_later(connection, deposit, now=now)
    return deposit
