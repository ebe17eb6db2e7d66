"""A customer sends an offer: amount and platform fee leave the wallet and wait in the offer's escrow."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.identity.people import Role, find_user
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.fees import Fees
from jobsphere.marketplace.job import require_open
from jobsphere.marketplace.lock import lock_job
from jobsphere.marketplace.offer import DAYS_DEFAULT, Offer, OfferState, expiry
from jobsphere.marketplace.refusals import ContractorNotFound
from jobsphere.marketplace.store import Deed, save_new
from jobsphere.money import Money
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Use
from jobsphere.wallets.limits import Limits
from jobsphere.wallets.wallet import Wallet, lock_wallet_of, wallet_of


@dataclass(frozen=True, slots=True)
class Terms:
    """What the customer offers, and how long: ``expires_in_days`` is 1 to 30."""

    job_id: UUID
    contractor_id: UUID
    amount: Money
    message: str = ""
    expires_in_days: int = DAYS_DEFAULT


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
    limits.require(terms.amount)
    job = await lock_job(connection, terms.job_id, customer_id)
    require_open(job)
    contractor_wallet = await _wallet_of_contractor(connection, terms.contractor_id)
    # Locked, so that a freeze that comes now sees this offer or is seen by it.
    customer_wallet = await lock_wallet_of(connection, customer_id)
    await freezes.require_free(connection, customer_wallet, Use.SPEND, now=now)
    for wallet in (customer_wallet, contractor_wallet):
        wallet.require_currency(terms.amount)
    offer = _offer(terms, offer_id, customer_wallet, contractor_wallet, now)
    await save_new(connection, lifecycle.send(job, offer), Deed(customer_id, now, ids))
    return offer


async def _wallet_of_contractor(connection: AsyncConnection, contractor_id: UUID) -> Wallet:
    contractor = await find_user(connection, contractor_id)
    if contractor is None or not contractor.is_active or contractor.role is not Role.CONTRACTOR:
        raise ContractorNotFound
    return await wallet_of(connection, contractor_id)


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
