"""A contractor asks to withdraw: check it and reserve the money, before anything goes to Stripe."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.money import Money
from jobsphere.wallets import transactions
from jobsphere.wallets.limits import Limits
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import lock_wallet_of
from jobsphere.withdrawals import checks, lifecycle, store
from jobsphere.withdrawals.checks import Wanted
from jobsphere.withdrawals.expected import arrival
from jobsphere.withdrawals.withdrawal import Withdrawal, WithdrawalState


async def request(
    connection: AsyncConnection,
    *,
    withdrawal_id: UUID,
    user_id: UUID,
    amount: Money,
    limits: Limits,
    now: datetime,
) -> Withdrawal:
    """Take the amount out of the wallet and keep the withdrawal; the worker sends it.

    Raises:
        AmountOutOfLimits: below or above what one withdrawal may be.
        WalletFrozen, WalletInactive: no money may leave the wallet.
        NotOnboarded: there is no account to send it to.
        InsufficientFunds: the wallet does not hold the amount.
    """
    wallet = await lock_wallet_of(connection, user_id)
    await checks.require_all(connection, Wanted(wallet, amount, limits, now))
    assert wallet.stripe_connect_account_id is not None
    withdrawal = Withdrawal(
        id=withdrawal_id,
        user_id=user_id,
        wallet_id=wallet.id,
        account_id=wallet.stripe_connect_account_id,
        amount=amount,
        state=WithdrawalState.REQUESTED,
        created_at=now,
        estimated_arrival=arrival(now),
    )
    await store.add(connection, withdrawal)
    await transactions.write(connection, _transaction(withdrawal))
    await write_audit(
        connection,
        actor_id=user_id,
        action="withdrawal.requested",
        subject=f"withdrawal:{withdrawal.id}",
        now=now,
        details={"amount_minor": amount.amount_minor, "currency": amount.currency},
    )
    return await store.save(connection, withdrawal, lifecycle.reserve(withdrawal), now=now)


def _transaction(withdrawal: Withdrawal) -> Transaction:
    return Transaction(
        id=withdrawal.id,
        type=TransactionType.WITHDRAWAL,
        amount=withdrawal.amount,
        from_wallet_id=withdrawal.wallet_id,
        to_wallet_id=None,
        status=TransactionStatus.PENDING,
        description="Withdrawal to your bank",
        created_at=withdrawal.created_at,
    )
