"""A contractor asks to withdraw: check it and reserve the money, before anything goes to Stripe."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.money import Money
from jobsphere.wallets import transactions
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import lock_wallet_of
from jobsphere.withdrawals import checks, lifecycle, store
from jobsphere.withdrawals.checks import Wanted
from jobsphere.withdrawals.expected import arrival
from jobsphere.withdrawals.policy import Policy
from jobsphere.withdrawals.withdrawal import Step, Withdrawal, WithdrawalState

# Within this an admin is expected to have looked at a withdrawal that is held.
LOOKED_AT_WITHIN = timedelta(days=1)


async def request(
    connection: AsyncConnection,
    *,
    withdrawal_id: UUID,
    user_id: UUID,
    amount: Money,
    policy: Policy,
    now: datetime,
) -> Withdrawal:
    """Take the amount out of the wallet and keep the withdrawal; the worker sends it.

    Raises:
        WithdrawalsPaused: an admin has stopped new withdrawals.
        AmountOutOfLimits: below or above what one withdrawal may be.
        BelowBankMinimum: less than Stripe sends to a bank in the account's country.
        WalletFrozen, WalletInactive: no money may leave the wallet.
        NotOnboarded: there is no account to send it to.
        BankAccountTooNew: the bank account was changed just now.
        DailyLimitReached: too many, or too much, within 24 hours.
        InsufficientFunds: the wallet does not hold the amount.
    """
    # Held by nobody else: what was counted for the day stays so until this is stored.
    wallet = await lock_wallet_of(connection, user_id, to_change=True)
    wanted = await checks.wanted(connection, wallet, amount, policy, now)
    await checks.require_all(connection, wanted)
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
    return await store.save(connection, withdrawal, await _step(connection, wanted, withdrawal), now=now)


async def _step(connection: AsyncConnection, wanted: Wanted, withdrawal: Withdrawal) -> Step:
    """Sent by the worker at once, or held until an admin has looked."""
    review = wanted.policy.review
    reason = review.reason(
        wanted.amount,
        is_first=review.first and not await store.has_been_paid(connection, wanted.wallet.id),
        bank_changed_at=wanted.bank_changed_at,
        now=wanted.now,
    )
    if reason is None:
        return lifecycle.reserve(withdrawal)
    return lifecycle.hold_for_review(withdrawal, reason, wanted.now + LOOKED_AT_WITHIN)


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
