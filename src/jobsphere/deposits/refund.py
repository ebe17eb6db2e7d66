"""Refunds that Stripe reports (made in its dashboard): the wallet gives back what the card got back.

What the wallet no longer holds becomes its debt (design.md, "refund made in Stripe's dashboard"). Each refund
is booked once, by its id, however many events tell of it (stripe.md section 5).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.deposits import store
from jobsphere.deposits.lifecycle import Deposit, DepositState
from jobsphere.deposits.tables import refunds
from jobsphere.ledger.accounts import stripe_balance, wallet_available, wallet_debt
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.ledger.record import lock_balance, record
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.notifications.write import notify
from jobsphere.stripe_gateway.objects import Refund
from jobsphere.wallets import transactions
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType


class RefundBeforeDeposit(Exception):
    """The deposit is not settled yet: its own event must come first."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Who gives a refund back: the wallet as far as it can, then its owner as a debt."""

    available: Money
    debt: Money


def shares(amount: Money, available: Money) -> Shares:
    """Split a refund between what the wallet holds and what is left."""
    from_wallet = min(amount, available)
    return Shares(available=from_wallet, debt=amount - from_wallet)


async def book_refunds(
    connection: AsyncConnection, payment_intent_id: str, made: Iterable[Refund], *, ids: Ids, now: datetime
) -> bool:
    """Book every refund of a deposit that is not booked yet. False when the PaymentIntent is not ours.

    Raises:
        RefundBeforeDeposit: try again once the deposit itself is settled.
    """
    deposit = await store.lock_by_payment_intent(connection, payment_intent_id, None)
    if deposit is None:
        return False
    if deposit.state is not DepositState.SUCCEEDED:
        raise RefundBeforeDeposit
    for refund in made:
        if refund.status in ("succeeded", "pending"):
            await _book(connection, deposit, refund, refund_id=ids.new(), now=now)
    return True


async def _book(
    connection: AsyncConnection, deposit: Deposit, refund: Refund, *, refund_id: UUID, now: datetime
) -> None:
    new = await connection.execute(
        insert(refunds)
        .values(
            id=refund_id,
            deposit_id=deposit.id,
            stripe_refund_id=refund.id,
            amount_minor=refund.amount.amount_minor,
            currency=refund.amount.currency,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["stripe_refund_id"])
        .returning(refunds.c.id)
    )
    if new.one_or_none() is None:
        return
    account = wallet_available(deposit.wallet_id, refund.amount.currency)
    split = shares(refund.amount, await lock_balance(connection, account))
    await record(connection, [_entry(deposit, refund, split)])
    await transactions.write(connection, _transaction(deposit, refund, refund_id, now))
    await notify(connection, [_notice(deposit, refund, refund_id)], now=now)


def _entry(deposit: Deposit, refund: Refund, split: Shares) -> Entry:
    currency = refund.amount.currency
    sources = (
        (wallet_available(deposit.wallet_id, currency), split.available),
        (wallet_debt(deposit.wallet_id, currency), split.debt),
    )
    return Entry(
        f"refund:{refund.id}",
        tuple(
            Posting(debit=source, credit=stripe_balance(currency), amount=part) for source, part in sources if part
        ),
    )


def _transaction(deposit: Deposit, refund: Refund, refund_id: UUID, now: datetime) -> Transaction:
    return Transaction(
        id=refund_id,
        type=TransactionType.REFUND,
        amount=refund.amount,
        from_wallet_id=deposit.wallet_id,
        to_wallet_id=None,
        status=TransactionStatus.COMPLETED,
        description="Refund to your card",
        created_at=now,
        completed_at=now,
    )


def _notice(deposit: Deposit, refund: Refund, refund_id: UUID) -> Notice:
    return Notice(
        reference=f"refund:{refund.id}",
        user_id=deposit.user_id,
        type=NoticeType.PAYMENT_REFUNDED,
        title="Deposit refunded",
        body=f"{refund.amount} goes back to your card and is taken from your wallet.",
        data={"depositId": str(deposit.id), "transactionId": str(refund_id)},
    )
