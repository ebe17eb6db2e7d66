"""What Stripe says of deposits, by its events or when it is asked. Only here is a wallet credited."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


Rule = Callable[[Deposit, PaymentIntent], Step]
# Whether a report was about a deposit of ours, or why a person must look at it.
Outcome = bool | OtherPaymentIntent | UnexpectedAmount


@dataclass(frozen=True, slots=True)
class Report:
    """What Stripe says of a PaymentIntent; the rule is what that means for its deposit."""

    intent: PaymentIntent
    rule: Rule


async def payments_reported(
    connection: AsyncConnection, reports: Sequence[Report], now: datetime
) -> list[Outcome]:
    """Apply reports as if they were taken one after another; one that is refused keeps no other from its end."""
    named = {report.intent.id: deposit_id_of(report.intent) for report in reports}
    batch = _Batch({deposit.id: deposit for deposit in await store.lock_named(connection, named)})
    outcomes: list[Outcome] = []
    for report in reports:
        try:
            deposit = batch.owner(report.intent)
            if deposit is not None:
                step = report.rule(deposit, report.intent)
                if step.deposit != deposit and deposit.id in batch.moved:
                    # One statement for many moves each once; this one goes with the next.
                    await store.save_all(connection, batch.taken(), now=now)
                batch.put(deposit, step)
            outcomes.append(deposit is not None)
        except (OtherPaymentIntent, UnexpectedAmount) as refusal:
            outcomes.append(refusal)
    await store.save_all(connection, batch.taken(), now=now)
    return outcomes


class _Batch:
    """Locked deposits as the reports so far have left them, and the steps that are not stored yet."""

    def __init__(self, deposits: dict[UUID, Deposit]) -> None:
        self._deposits = deposits
        self._owners = {deposit.payment_intent_id: deposit.id for deposit in deposits.values()}
        self.moved: dict[UUID, tuple[Deposit, Step]] = {}

    def owner(self, intent: PaymentIntent) -> Deposit | None:
        """The deposit of the PaymentIntent, by its metadata when the event came before our answer.

        Raises:
            OtherPaymentIntent: the one that it names has another.
        """
        id_ = self._owners.get(intent.id) or deposit_id_of(intent)
        deposit = self._deposits.get(id_) if id_ is not None else None
        if deposit is not None and deposit.payment_intent_id not in (None, intent.id):
            raise OtherPaymentIntent(f"deposit {deposit.id}")
        return deposit

    def put(self, before: Deposit, step: Step) -> None:
        """The next report of this deposit meets it after this step."""
        if step.deposit != before:
            self.moved[before.id] = (before, step)
            self._deposits[before.id] = step.deposit
            self._owners[step.deposit.payment_intent_id] = before.id

    def taken(self) -> list[tuple[Deposit, Step]]:
        steps, self.moved = list(self.moved.values()), {}
        return steps


async def payment_succeeded(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """Credit the wallet, once. False when the PaymentIntent is not of a deposit of ours.

    Raises:
        UnexpectedAmount: Stripe received something else than was asked for.
        OtherPaymentIntent: its deposit has another one.
    """
    return _alone(await payments_reported(connection, [Report(intent, succeeded)], now))


async def payment_said(connection: AsyncConnection, intent: PaymentIntent, *, now: datetime) -> bool:
    """Apply what Stripe said of it when it was asked just now. False, and raises, as ``payment_succeeded``."""
    return _alone(await payments_reported(connection, [Report(intent, said)], now))


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
            return succeeded(deposit, intent)
        case "canceled":
            return canceled(deposit, intent)
        case "requires_action":
            return lifecycle.requires_action(deposit, intent.id)
        case "processing":
            return lifecycle.processing(deposit, intent.id)
        case "requires_payment_method" if intent.failure is not None:
            return lifecycle.declined(deposit, intent.id, intent.failure)
        case _:
            return Step(deposit)


def succeeded(deposit: Deposit, intent: PaymentIntent) -> Step:
    """The wallet is credited.

    Raises:
        UnexpectedAmount: Stripe received something else than was asked for.
    """
    return lifecycle.succeeded(deposit, intent.id, intent.amount_received, intent.charge_id)


def canceled(deposit: Deposit, _: PaymentIntent) -> Step:
    """It will never charge a card."""
    return lifecycle.canceled(deposit, CANCELED)


def deposit_id_of(intent: PaymentIntent) -> UUID | None:
    """The deposit that the PaymentIntent was made for, as its metadata say."""
    try:
        return UUID(intent.metadata.get("deposit_id", ""))
    except ValueError:
        return None
