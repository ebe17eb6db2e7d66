"""Take a deposit to Stripe: customer, PaymentIntent, confirmation; called by the request, then by the worker.

Each call repeats its stored key until Stripe answers, so it may be run again at any time, by anybody.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.deposits import lifecycle, store
from jobsphere.deposits.customer import customer_of
from jobsphere.deposits.declines import CANCELED, NOT_POSSIBLE, NOT_SENT
from jobsphere.deposits.give_up import give_up, is_overdue
from jobsphere.deposits.lifecycle import LEFT_TO_CUSTOMER, Deposit, DepositState, Step
from jobsphere.deposits.start import confirm_key, create_key
from jobsphere.observability import logger
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import CardDeclined, OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import Failure, PaymentIntent
from jobsphere.stripe_gateway.once import Once

SECRET_SECONDS_MAX = 3

_NOT_ACCEPTED = "resource_missing"
_UNEXPECTED_STATE = "payment_intent_unexpected_state"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a deposit came; ``client_secret`` is for its owner's browser only and is never stored."""

    deposit: Deposit
    client_secret: str | None = field(repr=False, default=None)


async def send(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit_id: UUID) -> Sent:
    """Go on with a deposit as far as Stripe answers; give it up when its time is over.

    An outcome that stays unknown is no error: the deposit keeps its state and is tried again later.
    """
    async with reading(engine) as connection:
        deposit = await store.find(connection, deposit_id)
    if deposit is None:
        raise store.DepositNotFound
    try:
        if is_overdue(deposit, clock.now()):
            return Sent(await give_up(engine, gateway, clock, deposit))
        return await _go_on(engine, gateway, clock, deposit)
    except (OutcomeUnknown, StripeMisconfigured) as error:
        log.warning("deposit.outcome_unknown", deposit_id=str(deposit.id), cause=str(error))
        return Sent(await _try_later(engine, deposit.id, clock.now()))


async def client_secret(gateway: StripeGateway, deposit: Deposit) -> str | None:
    """What the owner's browser needs to confirm, or to try another card; asked of Stripe, for it is not stored.

    None while there is nothing for the owner to do, and while Stripe does not answer.
    """
    if deposit.state not in LEFT_TO_CUSTOMER or deposit.payment_intent_id is None:
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
    return Sent(deposit, secret if deposit.state in LEFT_TO_CUSTOMER else None)


async def _create(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit: Deposit
) -> tuple[Deposit, str | None]:
    try:
        customer_id = await customer_of(engine, gateway, clock, deposit.user_id)
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
            amount=deposit.amount,
            customer_id=customer_id,
            deposit_id=deposit.id,
            saves_card=deposit.saves_card,
            key=key,
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
        return await _store_decline(engine, deposit, decline.failure, clock.now()), secret
    except Refused as refusal:
        if refusal.code != _UNEXPECTED_STATE:
            # No bank was asked: Stripe does not let this payment method pay here.
            return await _store_decline(engine, deposit, Failure(_NOT_ACCEPTED), clock.now()), None
        # It was confirmed or canceled already: what it is now is the answer.
        intent = await gateway.retrieve_payment_intent(deposit.payment_intent_id)
    return await _store_confirmation(engine, deposit, intent, clock.now()), intent.client_secret


def _confirmation_of(gateway: StripeGateway, deposit: Deposit, payment_intent_id: str) -> Once[PaymentIntent]:
    key = confirm_key(deposit)
    return Once(
        key,
        lambda: gateway.confirm_payment_intent(
            payment_intent_id,
            payment_method_id=deposit.payment_method_id,
            key=key,
        ),
        # Confirmed or not, what the PaymentIntent is now is the answer.
        lambda _: gateway.retrieve_payment_intent(payment_intent_id),
    )


@in_own_transaction
async def _store_intent(
    connection: AsyncConnection, deposit_id: UUID, intent: PaymentIntent, now: datetime
) -> Deposit:
    deposit = await store.lock(connection, deposit_id)
    await calls.succeeded(connection, create_key(deposit), object_id=intent.id, now=now)
    await calls.begin(connection, confirm_key(deposit), now=now)
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
    connection: AsyncConnection, sent: Deposit, intent: PaymentIntent, now: datetime
) -> Deposit:
    deposit = await store.lock(connection, sent.id)
    await calls.succeeded(connection, confirm_key(sent), object_id=intent.id, now=now)
    if deposit.attempt_number != sent.attempt_number:
        return deposit  # this attempt ended while its answer was on its way
    return await store.save(connection, deposit, _answered(deposit, intent), now=now)


def _answered(deposit: Deposit, intent: PaymentIntent) -> Step:
    """What an answer of Stripe's means. It never credits: that is for the verified event."""
    match intent.status:
        case "requires_action":
            return lifecycle.requires_action(deposit, intent.id)
        case "requires_payment_method" | "requires_confirmation":
            # Without a failure of its own this attempt never charged: what confirmed it broke down.
            failure = intent.failure
            if failure is None or lifecycle.is_known(deposit, failure):
                failure = Failure("processing_error")
            return lifecycle.declined(deposit, intent.id, failure)
        case "canceled":
            return lifecycle.canceled(deposit, CANCELED)
        case _:
            return lifecycle.processing(deposit, intent.id)


@in_own_transaction
async def _store_decline(connection: AsyncConnection, sent: Deposit, failure: Failure, now: datetime) -> Deposit:
    deposit = await store.lock(connection, sent.id)
    await calls.refused(connection, confirm_key(sent), code=failure.code, now=now)
    if deposit.attempt_number != sent.attempt_number:
        return deposit  # the event told it first
    return await store.save(connection, deposit, lifecycle.declined(deposit, None, failure), now=now)


@in_own_transaction
async def _try_later(connection: AsyncConnection, deposit_id: UUID, now: datetime) -> Deposit:
    deposit = await store.lock(connection, deposit_id)
    await store.try_later(connection, deposit, now=now)
    return deposit
