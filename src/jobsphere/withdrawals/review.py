"""An admin decides a withdrawal that is held for review."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.withdrawals import lifecycle, store
from jobsphere.withdrawals.reasons import REVIEW_REJECTED
from jobsphere.withdrawals.withdrawal import Step, Withdrawal, WithdrawalState


class NotHeld(Exception):
    """It is not held for review, or not any more."""


async def approve(
    connection: AsyncConnection, *, withdrawal_id: UUID, admin_id: UUID, note: str, now: datetime
) -> Withdrawal:
    """It is sent. ``note`` stays in the audit log.

    Raises:
        WithdrawalNotFound: there is none.
        NotHeld: it does not wait for a review.
    """
    withdrawal = await _held(connection, withdrawal_id)
    return await _decide(connection, withdrawal, lifecycle.approve(withdrawal), admin_id, note, now)


async def reject(
    connection: AsyncConnection, *, withdrawal_id: UUID, admin_id: UUID, note: str, now: datetime
) -> Withdrawal:
    """It is not sent; the money goes back to the wallet and the contractor is told. Raises as ``approve``."""
    withdrawal = await _held(connection, withdrawal_id)
    return await _decide(
        connection, withdrawal, lifecycle.reject(withdrawal, REVIEW_REJECTED), admin_id, note, now
    )


async def _held(connection: AsyncConnection, withdrawal_id: UUID) -> Withdrawal:
    withdrawal = await store.lock(connection, withdrawal_id)
    if withdrawal.state is not WithdrawalState.HELD_FOR_REVIEW:
        raise NotHeld
    return withdrawal


async def _decide(
    connection: AsyncConnection, before: Withdrawal, step: Step, admin_id: UUID, note: str, now: datetime
) -> Withdrawal:
    return await store.save(connection, before, step, now=now, actor_id=admin_id, note=note)
