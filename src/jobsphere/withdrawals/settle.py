"""What Stripe's events say of withdrawals: transfers made, payouts paid or failed."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.stripe_gateway.objects import Payout, Transfer
from jobsphere.withdrawals import lifecycle, store
from jobsphere.withdrawals.withdrawal import Step, Withdrawal, WithdrawalState

# No payout of it was asked for yet, so none can have arrived or failed.
_BEFORE_PAYOUT = (
    WithdrawalState.REQUESTED,
    WithdrawalState.HELD_FOR_REVIEW,
    WithdrawalState.RESERVED,
    WithdrawalState.TRANSFERRING,
    WithdrawalState.TRANSFERRED,
    WithdrawalState.CANCELED,
)
# No transfer of it was asked for, or none was made, and its money is in the wallet or waits for a person.
_NEVER_SENT = (
    WithdrawalState.REQUESTED,
    WithdrawalState.HELD_FOR_REVIEW,
    WithdrawalState.RETURNED,
    WithdrawalState.CANCELED,
)


class UnexpectedReport(Exception):
    """It names a withdrawal of ours but not its amount, object or state: a person must look whose money moved."""


async def transfer_made(connection: AsyncConnection, transfer: Transfer, *, now: datetime) -> bool:
    """The answer may have been lost; the event says the same. False when the transfer is not ours."""
    withdrawal = await store.lock_by_metadata(
        connection, transfer.metadata.get("withdrawal_id"), account_id=transfer.destination
    )
    if withdrawal is None:
        return False
    is_its_transfer = transfer.amount == withdrawal.amount and withdrawal.transfer_id in (None, transfer.id)
    if not is_its_transfer or (withdrawal.transfer_id is None and withdrawal.state in _NEVER_SENT):
        raise UnexpectedReport(f"withdrawal {withdrawal.id}")
    await store.save(connection, withdrawal, lifecycle.transfer_made(withdrawal, transfer.id), now=now)
    return True


async def payout_paid(
    connection: AsyncConnection, payout: Payout, account_id: str | None, *, now: datetime
) -> bool:
    """The bank has the money. False when the payout is not ours."""
    return await _apply(connection, payout, account_id, lifecycle.payout_paid, now)


async def payout_failed(
    connection: AsyncConnection, payout: Payout, account_id: str | None, *, now: datetime
) -> bool:
    """The bank did not take it, or sent it back; the worker reverses the transfer. False when it is not ours."""
    return await _apply(connection, payout, account_id, partial(lifecycle.payout_failed, at=now), now)


async def _apply(
    connection: AsyncConnection,
    payout: Payout,
    account_id: str | None,
    rule: Callable[[Withdrawal, Payout], Step],
    now: datetime,
) -> bool:
    withdrawal = await store.lock_by_metadata(
        connection, payout.metadata.get("withdrawal_id"), account_id=account_id
    )
    if withdrawal is None:
        return False
    is_its_payout = payout.amount == withdrawal.amount and withdrawal.payout_id in (None, payout.id)
    if not is_its_payout or withdrawal.doing in _BEFORE_PAYOUT:
        raise UnexpectedReport(f"withdrawal {withdrawal.id}")
    await store.save(connection, withdrawal, rule(withdrawal, payout), now=now)
    return True
