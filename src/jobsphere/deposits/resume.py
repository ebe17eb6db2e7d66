"""The owner tries another card for the same deposit: a new attempt, kept before anything is sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits import lifecycle, store
from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.pace import USUAL_PACE, Pace, require_pace
from jobsphere.deposits.start import confirm_key
from jobsphere.stripe_gateway import calls
from jobsphere.stripe_gateway.objects import Card
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Use
from jobsphere.wallets.wallet import lock_wallet_of


async def resume(
    connection: AsyncConnection,
    *,
    deposit_id: UUID,
    user_id: UUID,
    payment_method_id: str,
    now: datetime,
    lease_seconds: float,
    card: Card | None = None,
    pace: Pace = USUAL_PACE,
) -> Deposit:
    """Store the attempt with its key; ``send`` goes on with it. For ``lease_seconds`` the worker leaves it alone.

    Raises:
        DepositNotFound: there is no such deposit of this person's.
        NoOtherCardPossible: it is over, or the last attempt is not.
        WalletFrozen, WalletInactive: the wallet takes no deposits.
        TooManyPayments, CardFailedTooOften: not again for now.
    """
    await store.find_owned(connection, deposit_id, user_id)
    wallet = await lock_wallet_of(connection, user_id)
    await freezes.require_free(connection, wallet, Use.PAY_IN, now=now)
    await require_pace(connection, pace, wallet_id=wallet.id, card=card, now=now)
    before = await store.lock(connection, deposit_id)
    step = lifecycle.another_card(before, payment_method_id, now=now, card=card)
    deposit = await store.save(connection, before, step, now=now)
    await store.lease(connection, deposit, now=now, lease_seconds=lease_seconds)
    await calls.begin(connection, confirm_key(deposit), now=now)
    return deposit
