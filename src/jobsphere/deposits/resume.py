"""The owner tries another card for the same deposit: a new attempt, kept before anything is sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits import lifecycle, store
from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.start import confirm_key
from jobsphere.stripe_gateway import calls


async def resume(
    connection: AsyncConnection,
    *,
    deposit_id: UUID,
    user_id: UUID,
    payment_method_id: str,
    now: datetime,
    lease_seconds: float,
) -> Deposit:
    """Store the attempt with its key; ``send`` goes on with it. For ``lease_seconds`` the worker leaves it alone.

    Raises:
        DepositNotFound: there is no such deposit of this person's.
        NoOtherCardPossible: it is over, or the last attempt is not.
    """
    await store.find_owned(connection, deposit_id, user_id)
    before = await store.lock(connection, deposit_id)
    deposit = await store.save(
        connection, before, lifecycle.another_card(before, payment_method_id, now=now), now=now
    )
    await store.lease(connection, deposit, now=now, lease_seconds=lease_seconds)
    await calls.begin(connection, confirm_key(deposit), now=now)
    return deposit
