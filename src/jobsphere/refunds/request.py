"""A customer, or an admin for them, asks for money back on a card: check it, and take it out of the wallet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits import store as deposits_store
from jobsphere.deposits.lifecycle import Deposit, DepositState
from jobsphere.deposits.store import DepositNotFound
from jobsphere.deposits.tables import deposits
from jobsphere.ledger.accounts import wallet_available
from jobsphere.ledger.read import balance
from jobsphere.ledger.record import lock_balance
from jobsphere.money import Currency, Money
from jobsphere.refunds import lifecycle, store
from jobsphere.refunds.lifecycle import Refund, RefundState
from jobsphere.refunds.quote import NotNow, Payment, Quote, quote
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Use
from jobsphere.wallets.wallet import lock_wallet_of


class NotRefundable(Exception):
    """Nothing of the deposit can be refunded now; ``reason`` says why."""

    def __init__(self, reason: NotNow) -> None:
        super().__init__(reason.value)
        self.reason = reason.value


class MoreThanRefundable(Exception):
    """Less than this can be refunded: at most ``refundable``, in whole steps of what the card can be given."""

    def __init__(self, refundable: Money) -> None:
        super().__init__(str(refundable))
        self.refundable = refundable


async def quoted(connection: AsyncConnection, deposit_id: UUID, *, owner_id: UUID | None) -> Quote:
    """What could be refunded of a deposit now; ``owner_id`` is None for an admin, who may see everybody's.

    Raises:
        DepositNotFound: there is none, or it is somebody else's.
    """
    deposit = await _find(connection, deposit_id, owner_id)
    account = wallet_available(deposit.wallet_id, deposit.amount.currency)
    return quote(await payment_of(connection, deposit), await balance(connection, account))


async def request(
    connection: AsyncConnection,
    *,
    refund_id: UUID,
    deposit_id: UUID,
    amount: Money | None,
    requested_by: UUID,
    owner_id: UUID | None,
    now: datetime,
) -> Refund:
    """Take ``amount`` (None: all that can be) out of the wallet; ``send`` goes on with it.

    ``owner_id`` is who asks for their own money, None when an admin asks: a frozen wallet stops its owner only.

    Raises:
        DepositNotFound: there is none, or it is somebody else's.
        NotRefundable, MoreThanRefundable: the quote says less.
        WalletFrozen, WalletInactive: its owner may move no money for now.
    """
    deposit = await _find(connection, deposit_id, owner_id)
    # Locked before anything is counted: of two refunds at once one sees the other.
    deposit = await deposits_store.lock(connection, deposit.id)
    wallet = await lock_wallet_of(connection, deposit.user_id)
    if owner_id is not None:
        await freezes.require_free(connection, wallet, Use.SPEND, now=now)
    account = wallet_available(deposit.wallet_id, deposit.amount.currency)
    said = quote(await payment_of(connection, deposit), await lock_balance(connection, account))
    refund = _refund(refund_id, deposit, _asked(said, amount), requested_by, now)
    step = lifecycle.request(refund)
    return await store.add(connection, step, actor_id=requested_by, next_try_at=now, now=now)


async def payment_of(connection: AsyncConnection, deposit: Deposit) -> Payment:
    """What refunds and disputes left of a deposit."""
    c = deposits.c
    query = select(c.refunded_minor, c.contested_minor, c.is_disputed).where(c.id == deposit.id)
    refunded_minor, contested_minor, is_disputed = (await connection.execute(query)).one()
    currency = deposit.amount.currency
    return Payment(
        amount=deposit.amount,
        refunded=Money(refunded_minor, currency),
        contested=Money(contested_minor, currency),
        is_paid=deposit.state is DepositState.SUCCEEDED,
        is_disputed=is_disputed,
    )


async def _find(connection: AsyncConnection, deposit_id: UUID, owner_id: UUID | None) -> Deposit:
    if owner_id is not None:
        return await deposits_store.find_owned(connection, deposit_id, owner_id)
    found = await deposits_store.find(connection, deposit_id)
    if found is None:
        raise DepositNotFound
    return found


def _asked(said: Quote, amount: Money | None) -> Money:
    if said.not_now is not None:
        raise NotRefundable(said.not_now)
    asked = said.refundable if amount is None else amount
    step_minor = Currency.of(asked.currency).step_minor
    is_whole = asked.amount_minor > 0 and asked.amount_minor % step_minor == 0
    if asked.currency != said.refundable.currency or not is_whole or asked > said.refundable:
        raise MoreThanRefundable(said.refundable)
    return asked


def _refund(refund_id: UUID, deposit: Deposit, amount: Money, requested_by: UUID, now: datetime) -> Refund:
    assert deposit.payment_intent_id is not None, "a deposit that succeeded has its PaymentIntent"
    return Refund(
        id=refund_id,
        deposit_id=deposit.id,
        user_id=deposit.user_id,
        wallet_id=deposit.wallet_id,
        payment_intent_id=deposit.payment_intent_id,
        amount=amount,
        state=RefundState.REQUESTED,
        created_at=now,
        requested_by=requested_by,
    )
