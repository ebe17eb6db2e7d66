"""Ask Stripe about one deposit and apply what it says: for every state that is not final, also of its fee.

With every webhook dropped a deposit still ends right. The worker asks when an event is late, and the owner's
browser may ask when it comes back from 3-D Secure.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import reading
from jobsphere.deposits import settle, store
from jobsphere.deposits.book_fee import book_fee
from jobsphere.deposits.lifecycle import OVER, UNSENT, Deposit, DepositState
from jobsphere.deposits.send import send
from jobsphere.stripe_gateway.client import StripeGateway


async def ask(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, deposit_id: UUID) -> Deposit:
    """The deposit after what Stripe says of it now; safe at any time, by anybody, as often as they like.

    Raises:
        DepositNotFound: there is no such deposit.
        OutcomeUnknown, Refused, StripeMisconfigured: Stripe did not say; the deposit is as it was.
        UnexpectedAmount: Stripe received something else than was asked for.
    """
    async with reading(engine) as connection:
        deposit = await store.find(connection, deposit_id)
    if deposit is None:
        raise store.DepositNotFound
    if deposit.state in UNSENT:
        # Asking is repeating the call with its key.
        return (await send(engine, gateway, clock, deposit_id)).deposit
    if deposit.state is DepositState.SUCCEEDED:
        await book_fee(engine, gateway, clock, deposit_id)
    if deposit.state in OVER or deposit.payment_intent_id is None:
        return deposit
    intent = await gateway.retrieve_payment_intent(deposit.payment_intent_id)
    return await settle.store_said(engine, deposit_id, intent, clock.now())
