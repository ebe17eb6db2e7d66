"""Ask Stripe about one withdrawal and apply what it says: for every state that is not final.

With every webhook dropped a withdrawal still ends right.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.objects import Payout
from jobsphere.withdrawals import settle, store
from jobsphere.withdrawals.send import send
from jobsphere.withdrawals.withdrawal import UNSENT

_RETURNED = ("failed", "canceled")

_paid = in_own_transaction(settle.payout_paid)
_failed = in_own_transaction(settle.payout_failed)


async def ask(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, withdrawal_id: UUID) -> None:
    """Apply what Stripe says of it now; safe at any time, by anybody, as often as they like.

    Raises:
        WithdrawalNotFound: there is no such withdrawal.
        OutcomeUnknown, Refused, StripeMisconfigured: Stripe did not say; the withdrawal is as it was.
        UnexpectedReport: Stripe's payout is of another amount.
    """
    async with reading(engine) as connection:
        withdrawal = await store.find(connection, withdrawal_id)
    if withdrawal.state in UNSENT:
        # Asking is repeating the call with its key, or looking again whether the balance covers it.
        await send(engine, gateway, clock, withdrawal_id)
    elif withdrawal.payout_id is not None:
        payout = await gateway.retrieve_payout(withdrawal.payout_id, account_id=withdrawal.account_id)
        await _apply(engine, clock, payout, withdrawal.account_id)


async def _apply(engine: AsyncEngine, clock: Clock, payout: Payout, account_id: str) -> None:
    if payout.status == "paid":
        await _paid(engine, payout, account_id, now=clock.now())
    elif payout.status in _RETURNED:
        await _failed(engine, payout, account_id, now=clock.now())
