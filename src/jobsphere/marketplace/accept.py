"""A contractor accepts an offer: the job is theirs, the platform earns its fee, other offers end."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.ledger.read import balance
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.lock import lock_offer_and_rivals
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.store import Deed, EscrowDisagrees, save


async def accept(
    connection: AsyncConnection, offer_id: UUID, contractor_id: UUID, *, ids: Ids, now: datetime
) -> Offer:
    """Assign the job; a payout account may come later (lifecycle.md section 3, "sent -> accepted").

    Other offers for the job expire and give their money back.

    Raises:
        OfferNotFound: it was not sent to this contractor.
        OfferNotOpen, OfferExpired: it was answered before, or its time is over.
        JobNotOpen: the job is closed or somebody else's.
        EscrowDisagrees: its money is not all there, which a person must look at.
    """
    job, offer, rivals = await lock_offer_and_rivals(connection, offer_id, contractor_id)
    step = lifecycle.accept(job, offer, now=now)
    await _require_intact(connection, offer)
    others = [lifecycle.give_way(job, rival, now=now) for rival in rivals]
    await save(connection, [step, *others], Deed(contractor_id, now, ids))
    return step.offer


async def _require_intact(connection: AsyncConnection, offer: Offer) -> None:
    # Needs no lock of its own: whoever moves this money holds the lock of the job.
    if await balance(connection, offer.escrow) != offer.fees.hold:
        raise EscrowDisagrees(str(offer.id))
