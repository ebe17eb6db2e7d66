"""What Stripe says of disputes, by events or asked: money is frozen, booked, and taken or thawed, each once."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.deposits import settle as deposits_settle
from jobsphere.deposits import store as deposits_store
from jobsphere.deposits.lifecycle import Deposit, DepositState
from jobsphere.disputes import freeze, lifecycle, notices, store
from jobsphere.disputes.lifecycle import ANSWERABLE, Dispute, DisputeState, Shortfall
from jobsphere.identity.people import Role
from jobsphere.identity.tables import users
from jobsphere.notifications.write import notify
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.dispute import Dispute as Report
from jobsphere.stripe_gateway.errors import Refused
from jobsphere.stripe_gateway.objects import PaymentIntent

_UNKNOWN = "resource_missing"


class DisputeBeforeDeposit(Exception):
    """Stripe tells of a dispute of a payment that it does not call paid: try again when it does."""


class UnexpectedDispute(Exception):
    """Its money is of another currency than the deposit's: a person must look."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A dispute and its payment, as Stripe has them now."""

    intent: PaymentIntent
    dispute: Report


async def look(gateway: StripeGateway, stripe_dispute_id: str) -> Seen | None:
    """Ask Stripe; None when it knows no such dispute, or one of no PaymentIntent."""
    try:
        dispute = await gateway.retrieve_dispute(stripe_dispute_id)
        if dispute.payment_intent_id is None:
            return None
        return Seen(await gateway.retrieve_payment_intent(dispute.payment_intent_id), dispute)
    except Refused as refusal:
        if refusal.code != _UNKNOWN:
            raise
        return None


async def dispute_seen(
    connection: AsyncConnection, seen: Seen, *, shortfall: Shortfall, ids: Ids, now: datetime
) -> bool:
    """Apply what is new of it. False when the payment is not of a deposit of ours.

    Raises:
        DisputeBeforeDeposit: the payment is not paid yet.
        UnexpectedDispute, UnexpectedAmount: the money is not ours.
    """
    report = seen.dispute
    if seen.intent.status == "succeeded":
        await deposits_settle.payment_succeeded(connection, seen.intent, now=now)
    deposit = await deposits_store.lock_by_payment_intent(connection, seen.intent.id)
    if deposit is None:
        return False
    if deposit.state is not DepositState.SUCCEEDED:
        raise DisputeBeforeDeposit(f"deposit {deposit.id}")
    currencies = {report.amount.currency, *(one.amount.currency for one in report.movements)}
    if currencies != {deposit.amount.currency}:
        raise UnexpectedDispute(f"deposit {deposit.id}")
    await _apply(
        connection, await _ours(connection, deposit, report, ids.new(), now), deposit, report, shortfall, ids, now
    )
    return True


async def _ours(
    connection: AsyncConnection, deposit: Deposit, report: Report, new_id: UUID, now: datetime
) -> Dispute:
    found = await store.by_stripe_id(connection, report.id)
    if found is not None:
        return found
    new = lifecycle.new(
        report, id_=new_id, deposit_id=deposit.id, user_id=deposit.user_id, wallet_id=deposit.wallet_id, now=now
    )
    await store.add(connection, new)
    return new


async def _apply(
    connection: AsyncConnection,
    before: Dispute,
    deposit: Deposit,
    report: Report,
    shortfall: Shortfall,
    ids: Ids,
    now: datetime,
) -> None:
    funded = await freeze.lock_funded(connection, before)
    step = lifecycle.seen(before, report)
    dispute = await store.save(connection, before, step, movements=report.movements, now=now)
    if step.needs_freeze:
        dispute = await freeze.freeze(connection, dispute, deposit.amount, funded, ids=ids, now=now)
        # Open offers may have been withdrawn.
        funded = await freeze.lock_funded(connection, before)
    await store.save_transaction(connection, before, dispute, now=now)
    settled = lifecycle.settle(dispute, shortfall, freeze.live_offers(funded))
    told = lifecycle.told(settled.dispute, before, settled.debt)
    await store.save(connection, dispute, replace(settled, notices=told), now=now)
    await freeze.free_jobs(connection, dispute, settled.dispute, funded, ids=ids, now=now)
    await _follow(connection, before, settled.dispute, now)


async def _follow(connection: AsyncConnection, before: Dispute, after: Dispute, now: datetime) -> None:
    """Freezes of the wallet, and what admins are told."""
    if after.state is DisputeState.WON and before.state is not DisputeState.WON:
        await freeze.let_go(connection, after, now)
    if after.state is DisputeState.LOST and before.state is not DisputeState.LOST:
        await freeze.block(connection, after, now)
    if after.state in ANSWERABLE:
        for admin_id in await admins(connection):
            facts = (after.amount, after.reason, after.evidence_due_at)
            notice = notices.to_answer(after.id, after.state.value, admin_id, *facts)
            await notify(connection, [notice], now=now)


async def admins(connection: AsyncConnection) -> list[UUID]:
    """Everybody who looks after the platform."""
    query = select(users.c.id).where(users.c.role == Role.ADMIN.value, users.c.is_active).order_by(users.c.id)
    return list((await connection.execute(query)).scalars())
