"""An offer ends before acceptance: the contractor declines it, or the customer withdraws it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.lock import lock_offer
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.store import Deed, save


async def decline(
    connection: AsyncConnection, offer_id: UUID, contractor_id: UUID, *, ids: Ids, now: datetime
) -> Offer:
    """The contractor refuses; the customer gets everything back (lifecycle.md section 6, case A).

    Raises:
        OfferNotFound: it was not sent to this contractor.
        OfferNotOpen, OfferExpired: it was answered before, or is over.
    """
    job, offer = await lock_offer(connection, offer_id, contractor_id, of="contractor")
    step = lifecycle.decline(job, offer, now=now)
    await save(connection, [step], Deed(contractor_id, now, ids))
    return step.offer


async def withdraw(
    connection: AsyncConnection, offer_id: UUID, customer_id: UUID, *, ids: Ids, now: datetime
) -> Offer:
    """The customer takes it back before acceptance and gets everything back (lifecycle.md section 6, case A).

    Raises:
        OfferNotFound: it was not sent by this customer.
        OfferNotOpen, OfferExpired: it was answered before, or is over.
    """
    job, offer = await lock_offer(connection, offer_id, customer_id, of="customer")
    step = lifecycle.withdraw(job, offer, now=now)
    await save(connection, [step], Deed(customer_id, now, ids))
    return step.offer
