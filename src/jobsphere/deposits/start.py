"""A customer asks to deposit: check it and keep it. Nothing is sent to Stripe before this is committed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.deposits import attempts
from jobsphere.deposits.lifecycle import Deposit, DepositState
from jobsphere.deposits.pace import USUAL_PACE, Pace, require_pace
from jobsphere.deposits.tables import deposits
from jobsphere.money import Money
from jobsphere.stripe_gateway import calls
from jobsphere.stripe_gateway.objects import Card
from jobsphere.wallets import freezes, transactions
from jobsphere.wallets.freeze import Use
from jobsphere.wallets.limits import Limits
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType
from jobsphere.wallets.wallet import lock_wallet_of


async def start(
    connection: AsyncConnection,
    *,
    deposit_id: UUID,
    user_id: UUID,
    amount: Money,
    payment_method_id: str,
    limits: Limits,
    now: datetime,
    lease_seconds: float,
    card: Card | None = None,
    saves_card: bool = False,
    pace: Pace = USUAL_PACE,
) -> Deposit:
    """Store a deposit with its pending transaction; ``send`` goes on with it.

    For ``lease_seconds`` the worker leaves it to the caller.

    Raises:
        AmountOutOfLimits: below or above what one deposit may be.
        WalletFrozen, WalletInactive: the wallet takes no deposits.
        TooManyPayments, CardFailedTooOften: not again for now.
    """
    limits.require(amount)
    wallet = await lock_wallet_of(connection, user_id)
    await freezes.require_free(connection, wallet, Use.PAY_IN, now=now)
    wallet.require_currency(amount)
    await require_pace(connection, pace, wallet_id=wallet.id, card=card, now=now)
    deposit = Deposit(
        id=deposit_id,
        user_id=user_id,
        wallet_id=wallet.id,
        amount=amount,
        state=DepositState.CREATED,
        payment_method_id=payment_method_id,
        payment_intent_id=None,
        charge_id=None,
        failure_code=None,
        tries=0,
        created_at=now,
        attempted_at=now,
        saves_card=saves_card,
    )
    await connection.execute(insert(deposits).values(**_row(deposit, now + timedelta(seconds=lease_seconds))))
    await attempts.begin_first(connection, deposit, card)
    await transactions.write(connection, _transaction(deposit))
    await calls.begin(connection, create_key(deposit), now=now)
    await write_audit(
        connection,
        actor_id=user_id,
        action="deposit.created",
        subject=f"deposit:{deposit.id}",
        now=now,
        details={"amount_minor": amount.amount_minor, "currency": amount.currency},
    )
    return deposit


def create_key(deposit: Deposit) -> str:
    """The idempotency key with which its PaymentIntent is created."""
    return f"deposit:{deposit.id}:create"


def confirm_key(deposit: Deposit) -> str:
    """The idempotency key with which its present attempt is confirmed."""
    return f"deposit:{deposit.id}:confirm:{deposit.attempt_number}"


def _row(deposit: Deposit, next_try_at: datetime) -> dict[str, object]:
    return {
        "id": deposit.id,
        "user_id": deposit.user_id,
        "wallet_id": deposit.wallet_id,
        "amount_minor": deposit.amount.amount_minor,
        "currency": deposit.amount.currency,
        "state": deposit.state.value,
        "payment_method_id": deposit.payment_method_id,
        "next_try_at": next_try_at,
        "created_at": deposit.created_at,
        "attempted_at": deposit.attempted_at,
        "saves_card": deposit.saves_card,
    }


def _transaction(deposit: Deposit) -> Transaction:
    return Transaction(
        id=deposit.id,
        type=TransactionType.DEPOSIT,
        amount=deposit.amount,
        from_wallet_id=None,
        to_wallet_id=deposit.wallet_id,
        status=TransactionStatus.PENDING,
        description="Deposit by card",
        created_at=deposit.created_at,
    )
