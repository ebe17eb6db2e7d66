"""What Stripe says of deposits, by its events or when it is asked. Only here is a wallet credited."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import in_own_transaction
from jobsphere.deposits import lifecycle, store
from jobsphere.deposits.declines import CANCELED
from jobsphere.deposits.lifecycle import Deposit, Step, UnexpectedAmount
from jobsphere.stripe_gateway.objects import PaymentIntent


class OtherPaymentIntent(Exception):
    """It names a deposit of ours that has another PaymentIntent: a person must look whose money this is."""


# Whether a report was about a deposit of ours, or why a person must look at it.
Outcome = bool | OtherPaymentIntent | UnexpectedAmount
Rule = Callable[[Deposit, PaymentIntent], Step]


async def payments_succeeded(
    connection: AsyncConnection, intents: Sequence[PaymentIntent], now: datetime
) -> list[Outcome]:
    """Credit the wallets, each deposit once, as if the PaymentIntents were taken one after another.

    One that cannot be credited keeps no other from it.
    """
    return await _apply(connection, intents, _succeeded, now)


async def payments_canceled(
    connection: AsyncConnection, intents: Sequence[PaymentIntent], now: datetime
) -> list[Outcome]:
    """They will never charge a card; otherwise as ``payments_succeeded``."""
    return await _apply(connection, intents, _canceled, now)


async def payment_succeeded(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """Credit the wallet, once. False when the PaymentIntent is not of a deposit of ours.

    Raises:
        UnexpectedAmount: Stripe received something else than was asked for.
        OtherPaymentIntent: its deposit has another one.
    """
    return _alone(await _apply(connection, [intent], _succeeded, now))


async def payment_said(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """Apply what Stripe said of it when it was asked just now. False, and raises, as ``payment_succeeded``."""
    return _alone(await _apply(connection, [intent], said, now))


def _alone(outcomes: Sequence[Outcome]) -> bool:
    [outcome] = outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


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
            return _canceled(deposit, intent)
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


def _canceled(deposit: Deposit, _: PaymentIntent) -> Step:
    return lifecycle.canceled(deposit, CANCELED)


async def _apply(
    connection: AsyncConnection, intents: Sequence[PaymentIntent], rule: Rule, now: datetime
) -> list[Outcome]:
    named = {intent.id: deposit_id_of(intent) for intent in intents}
    present: dict[UUID | None, Deposit] = {
        deposit.id: deposit for deposit in await store.lock_named(connection, named)
    }
    owners = {deposit.payment_intent_id: deposit.id for deposit in present.values()}
    outcomes: list[Outcome] = []
    steps = []
    for intent in intents:
        try:
            deposit = _owner(intent, present.get(owners.get(intent.id) or named[intent.id]))
            if deposit is not None:
                step = rule(deposit, intent)
                steps.append((deposit, step))
                # The next report of it meets it as this one left it.
                present[deposit.id] = step.deposit
                owners[step.deposit.payment_intent_id] = deposit.id
            outcomes.append(deposit is not None)
        except (OtherPaymentIntent, UnexpectedAmount) as refusal:
            outcomes.append(refusal)
    await store.save_all(connection, steps, now=now)
    return outcomes


def _owner(intent: PaymentIntent, deposit: Deposit | None) -> Deposit | None:
    if deposit is not None and deposit.payment_intent_id not in (None, intent.id):
        raise OtherPaymentIntent(f"deposit {deposit.id}")
    return deposit


def deposit_id_of(intent: PaymentIntent) -> UUID | None:
    """The deposit that the PaymentIntent was made for, as its metadata say."""
    try:
        return UUID(intent.metadata.get("deposit_id", ""))
    except ValueError:
        return None
