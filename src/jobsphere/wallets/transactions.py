"""Transactions: the records of money that people see. The ledger, not they, says whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.money import Money
from jobsphere.rows import arrays, rows_of
from jobsphere.wallets.tables import transactions

_NAMES = [column.name for column in transactions.columns]
_INSERT = insert(transactions).from_select(_NAMES, select(rows_of(transactions, *_NAMES)))
_PAID = rows_of(transactions, "id", "stripe_charge_id")
_COMPLETE_ALL = (
    update(transactions)
    .where(transactions.c.id == _PAID.c.id)
    .values(
        status="completed",
        completed_at=bindparam("now"),
        failure_reason=None,
        stripe_charge_id=func.coalesce(_PAID.c.stripe_charge_id, transactions.c.stripe_charge_id),
    )
)


class TransactionType(StrEnum):
    """What kind of movement a person sees."""

    DEPOSIT = "deposit"  # card to wallet
    WITHDRAWAL = "withdrawal"  # wallet to bank
    ESCROW_HOLD = "escrow_hold"  # wallet to an offer's escrow, at sending
    PLATFORM_FEE = "platform_fee"  # escrow to the platform, at acceptance
    SERVICE_FEE = "service_fee"  # escrow to the platform, at completion
    CONTRACTOR_PAYOUT = "contractor_payout"  # escrow to the contractor's wallet, at completion
    REFUND = "refund"  # escrow back to the customer's wallet, or wallet back to the card
    DISPUTE = "dispute"  # a deposit that its card's bank took back; pending until the bank has decided
    DEBT_REPAYMENT = "debt_repayment"  # wallet to the platform, for spent money that went back to a card


class TransactionStatus(StrEnum):
    """How far it is."""

    PENDING = "pending"  # the outcome is still open
    COMPLETED = "completed"  # the money is where it was meant to go
    FAILED = "failed"  # it did not happen (a declined deposit may still succeed later)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One record; ``from_wallet_id`` or ``to_wallet_id`` is None for the world outside (card, bank, platform)."""

    id: UUID
    type: TransactionType
    amount: Money
    from_wallet_id: UUID | None
    to_wallet_id: UUID | None
    status: TransactionStatus
    description: str
    created_at: datetime
    completed_at: datetime | None = None
    failure_reason: str | None = None
    offer_id: UUID | None = None
    job_id: UUID | None = None
    stripe_payment_intent_id: str | None = None
    stripe_charge_id: str | None = None
    stripe_transfer_id: str | None = None
    stripe_payout_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends: the next one holds what is older than this."""

    created_at: datetime
    id: UUID


async def write(connection: AsyncConnection, *new: Transaction) -> None:
    """Store new transactions, at least one."""
    await connection.execute(_INSERT, arrays([_row(transaction) for transaction in new]))


async def complete(connection: AsyncConnection, transaction_id: UUID, *, now: datetime, **stripe_ids: str) -> None:
    """The money arrived; also after an earlier failure. ``stripe_ids`` as in ``Transaction``."""
    await _update(
        connection, transaction_id, status="completed", completed_at=now, failure_reason=None, **stripe_ids
    )


async def complete_all(
    connection: AsyncConnection, charge_ids: Mapping[UUID, str | None], *, now: datetime
) -> None:
    """As ``complete``, for deposits: each transaction's id with that of its charge, if it is known."""
    if charge_ids:
        rows = [{"id": id_, "stripe_charge_id": charge_id} for id_, charge_id in charge_ids.items()]
        await connection.execute(_COMPLETE_ALL, {**arrays(rows), "now": now})


async def fail(connection: AsyncConnection, transaction_id: UUID, *, reason: str) -> None:
    """It did not happen; ``reason`` is a sentence for the person."""
    await _update(connection, transaction_id, status="failed", completed_at=None, failure_reason=reason)


async def reopen(connection: AsyncConnection, transaction_id: UUID) -> None:
    """It failed, and is being tried again."""
    await _update(connection, transaction_id, status="pending", completed_at=None, failure_reason=None)


async def attach(connection: AsyncConnection, transaction_id: UUID, **stripe_ids: str) -> None:
    """Keep the ids of Stripe objects (``stripe_transfer_id=...``)."""
    await _update(connection, transaction_id, **stripe_ids)


async def list_transactions(
    connection: AsyncConnection, wallet_id: UUID, *, before: Cursor | None, limit: int
) -> list[Transaction]:
    """At most ``limit`` transactions from or to the wallet, newest first, older than ``before``."""
    c = transactions.c

    # Two walks along an index and a merge; one OR would read and sort all the wallet ever did.
    def newest(side: Any) -> Any:
        query = select(transactions).where(side == wallet_id)
        if before is not None:
            query = query.where(tuple_(c.created_at, c.id) < tuple_(before.created_at, before.id))
        return query.order_by(c.created_at.desc(), c.id.desc()).limit(limit).subquery().select()

    both = union(newest(c.from_wallet_id), newest(c.to_wallet_id)).subquery()
    rows = await connection.execute(select(both).order_by(both.c.created_at.desc(), both.c.id.desc()).limit(limit))
    return [_transaction(row) for row in rows]


async def _update(connection: AsyncConnection, transaction_id: UUID, **values: Any) -> None:
    await connection.execute(update(transactions).where(transactions.c.id == transaction_id).values(**values))


def _row(transaction: Transaction) -> dict[str, Any]:
    return {
        "id": transaction.id,
        "type": transaction.type.value,
        "amount_minor": transaction.amount.amount_minor,
        "currency": transaction.amount.currency,
        "from_wallet_id": transaction.from_wallet_id,
        "to_wallet_id": transaction.to_wallet_id,
        "status": transaction.status.value,
        "description": transaction.description,
        "created_at": transaction.created_at,
        "completed_at": transaction.completed_at,
        "failure_reason": transaction.failure_reason,
        "offer_id": transaction.offer_id,
        "job_id": transaction.job_id,
        "stripe_payment_intent_id": transaction.stripe_payment_intent_id,
        "stripe_charge_id": transaction.stripe_charge_id,
        "stripe_transfer_id": transaction.stripe_transfer_id,
        "stripe_payout_id": transaction.stripe_payout_id,
    }


def _transaction(row: Row[Any]) -> Transaction:
    facts = dict(row._mapping)
    money = Money(facts.pop("amount_minor"), facts.pop("currency"))
    return Transaction(
        **{**facts, "type": TransactionType(row.type), "status": TransactionStatus(row.status)}, amount=money
    )
