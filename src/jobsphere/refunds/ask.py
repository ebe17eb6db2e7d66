"""Ask Stripe about a refund that is not over, and apply what it says: for events that never came."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction, reading
from jobsphere.refunds import settle, store
from jobsphere.stripe_gateway.client import StripeGateway

_settle = in_own_transaction(settle.refunds_seen)


async def ask(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, ids: Ids, refund_id: UUID) -> bool:
    """Whether Stripe knows its payment; whatever is new of all its refunds is booked.

    Raises:
        RefundNotFound: there is no such refund.
        OutcomeUnknown, StripeMisconfigured: Stripe does not answer; ask again later.
    """
    async with reading(engine) as connection:
        refund = await store.find(connection, refund_id)
    seen = await settle.look(gateway, refund.payment_intent_id)
    if seen is None:
        return False
    return await _settle(engine, seen, ids=ids, now=clock.now())
