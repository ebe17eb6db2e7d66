"""Customers send offers: amount and platform fee leave the wallet and wait in the offer's escrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.identity.people import Role
from jobsphere.ledger.posting import Verdict, decide
from jobsphere.ledger.read import balances
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.fees import Fees
from jobsphere.marketplace.job import Job, require_open
from jobsphere.marketplace.lifecycle import Step
from jobsphere.marketplace.lock import lock_jobs
from jobsphere.marketplace.offer import DAYS_DEFAULT, Offer, OfferState, expiry
from jobsphere.marketplace.refusals import ContractorNotFound, JobNotFound, MovedOn, NotFound
from jobsphere.marketplace.store import Deed, save_new
from jobsphere.money import Money
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Freeze, Use
from jobsphere.wallets.freezes import WalletFrozen
from jobsphere.wallets.limits import AmountOutOfLimits, Limits
from jobsphere.wallets.wallet import (
    InsufficientFunds,
    OtherCurrency,
    Wallet,
    WalletInactive,
    WalletNotFound,
    lock_wallets_of,
    wallets_of,
)

# What is wrong with one offer and says nothing about the others.
_REFUSALS = (AmountOutOfLimits, NotFound, MovedOn, WalletNotFound, WalletFrozen, WalletInactive, OtherCurrency)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the customer offers, and how long: ``expires_in_days`` is 1 to 30."""

    job_id: UUID
    contractor_id: UUID
    amount: Money
    message: str = ""
    expires_in_days: int = DAYS_DEFAULT


@dataclass(frozen=True, slots=True)
class Sending:
    """One offer to be sent: whose it is, and what id it is to have."""

    terms: Terms
    offer_id: UUID
    customer_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known about those concerned, under the locks."""

    jobs: dict[tuple[UUID, UUID], Job]  # by id and customer
    contractors: dict[UUID, Wallet]  # of active contractors, by person
    customers: dict[UUID, Wallet]  # locked, by person
    freezes: list[Freeze]  # of the customers' wallets


async def send(
    connection: AsyncConnection,
    terms: Terms,
    *,
    offer_id: UUID,
    customer_id: UUID,
    limits: Limits,
    ids: Ids,
    now: datetime,
) -> Offer:
    """Hold the money of an offer and tell the contractor (lifecycle.md section 3, "draft -> sent").

    Raises:
        AmountOutOfLimits: below or above what one offer may be.
        JobNotFound, JobNotOpen: it is not the customer's job, or it is assigned, completed or closed.
        ContractorNotFound: nobody with this id takes jobs.
        WalletFrozen, WalletInactive: no money may leave the customer's wallet.
        InsufficientFunds: less than amount and platform fee is available.
    """
    sending = Sending(terms, offer_id, customer_id, now)
    [sent] = await send_all(connection, [sending], limits=limits, ids=ids, waits=True)
    if isinstance(sent, Exception):
        raise sent
    return sent


async def send_all(
    connection: AsyncConnection, sendings: Sequence[Sending], *, limits: Limits, ids: Ids, waits: bool
) -> list[Offer | Exception]:
    """As ``send``, for several: each is sent, or refused for one of the reasons that ``send`` has.

    Unless it ``waits``, jobs and wallets that somebody else holds now count as not found.

    Raises:
        InsufficientFunds: money left a wallet while this was looked at; nothing may be committed.
    """
    found = await _find(connection, sendings, waits=waits)
    outcomes: list[Step | Exception] = []
    for sending in sendings:
        try:
            outcomes.append(_step(sending, found, limits))
        except _REFUSALS as refusal:
            outcomes.append(refusal)
    outcomes = await _refuse_unfunded(connection, outcomes)
    done = [
        (outcome, Deed(sending.customer_id, sending.at, ids))
        for sending, outcome in zip(sendings, outcomes, strict=True)
        if isinstance(outcome, Step)
    ]
    if done:
        await save_new(connection, done, now=sendings[0].at)
    return [outcome.offer if isinstance(outcome, Step) else outcome for outcome in outcomes]


async def _find(connection: AsyncConnection, sendings: Sequence[Sending], *, waits: bool) -> _Found:
    jobs = await lock_jobs(connection, [(one.terms.job_id, one.customer_id) for one in sendings], waits=waits)
    contractors = await wallets_of(connection, {one.terms.contractor_id for one in sendings}, Role.CONTRACTOR)
    # Locked, so that a freeze that comes now sees these offers or is seen by them.
    customers = await lock_wallets_of(connection, {one.customer_id for one in sendings}, waits=waits)
    return _Found(
        jobs,
        {wallet.user_id: wallet for wallet in contractors},
        {wallet.user_id: wallet for wallet in customers},
        await freezes.of_all(connection, customers),
    )


def _step(sending: Sending, found: _Found, limits: Limits) -> Step:
    terms, now = sending.terms, sending.at
    limits.require(terms.amount)
    job = found.jobs.get((terms.job_id, sending.customer_id))
    if job is None:
        raise JobNotFound
    require_open(job)
    contractor = found.contractors.get(terms.contractor_id)
    if contractor is None:
        raise ContractorNotFound
    customer = found.customers.get(sending.customer_id)
    if customer is None:
        raise WalletNotFound
    freezes.require_none(found.freezes, customer, Use.SPEND, now=now)
    for wallet in (customer, contractor):
        wallet.require_currency(terms.amount)
    return lifecycle.send(job, _offer(terms, sending.offer_id, customer, contractor, now))


async def _refuse_unfunded(
    connection: AsyncConnection, outcomes: Sequence[Step | Exception]
) -> list[Step | Exception]:
    """Look at the balances before anything is written, so that who has too little spoils it for nobody else."""
    steps = [one for one in outcomes if isinstance(one, Step)]
    if len(steps) < 2:
        return list(outcomes)
    held = await balances(connection, {step.offer.customer_available for step in steps})
    minor = {account: money.amount_minor for account, money in held.items()}
    entries = [step.entry for step in steps if step.entry is not None]
    verdicts = dict(zip((entry.reference for entry in entries), decide(entries, minor, {}), strict=True))
    return [
        InsufficientFunds()
        if isinstance(one, Step) and one.entry and verdicts[one.entry.reference] is Verdict.INSUFFICIENT_FUNDS
        else one
        for one in outcomes
    ]


def _offer(terms: Terms, offer_id: UUID, customer: Wallet, contractor: Wallet, now: datetime) -> Offer:
    return Offer(
        id=offer_id,
        job_id=terms.job_id,
        customer_id=customer.user_id,
        contractor_id=contractor.user_id,
        customer_wallet_id=customer.id,
        contractor_wallet_id=contractor.id,
        fees=Fees.on(terms.amount),
        message=terms.message,
        state=OfferState.SENT,
        expires_at=expiry(now, terms.expires_in_days),
        created_at=now,
    )
