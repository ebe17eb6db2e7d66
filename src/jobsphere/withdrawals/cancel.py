"""The contractor takes a withdrawal back before anything is sent; the row's lock decides against the worker."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.withdrawals import lifecycle, store
from jobsphere.withdrawals.reasons import CANCELED_BY_CONTRACTOR
from jobsphere.withdrawals.withdrawal import Withdrawal, WithdrawalState


class NotCancelable(Exception):
    """Something of it may be under way at Stripe, or it is over."""


async def cancel(connection: AsyncConnection, *, withdrawal_id: UUID, user_id: UUID, now: datetime) -> Withdrawal:
    """The money goes back to the wallet and nothing is ever sent. Canceling twice is canceling once.

    Raises:
        WithdrawalNotFound: there is none, or it is somebody else's.
        NotCancelable: it is too late.
    """
    withdrawal = await store.lock_owned(connection, withdrawal_id, user_id)
    if withdrawal.state is WithdrawalState.CANCELED:
        return withdrawal
    if not withdrawal.is_cancelable:
        raise NotCancelable
    step = lifecycle.cancel(withdrawal, CANCELED_BY_CONTRACTOR)
    return await store.save(connection, withdrawal, step, now=now, actor_id=user_id)
