"""Ask Stripe about a dispute that is not decided, and apply what it says: for events that never came."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction, reading
from jobsphere.disputes import settle, store
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.stripe_gateway.client import StripeGateway

_settle = in_own_transaction(settle.dispute_seen)


async def ask(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids, dispute_id: UUID, *, shortfall: Shortfall
) -> bool:
    """Whether Stripe knows it; whatever is new of it is applied.

    Raises:
        DisputeNotFound: there is no such dispute.
        OutcomeUnknown, StripeMisconfigured: Stripe does not answer; ask again later.
    """
    async with reading(engine) as connection:
        dispute = await store.find(connection, dispute_id)
    seen = await settle.look(gateway, dispute.stripe_dispute_id)
    if seen is None:
        return False
    return await _settle(engine, seen, shortfall=shortfall, ids=ids, now=clock.now())
