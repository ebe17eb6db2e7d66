"""Debts: what a wallet owes because money already spent went back to a card, and how it is paid back.

Whatever credits a wallet pays its debts first, oldest first and up to all of the credit (lifecycle.md section 11).
So every verb that may credit a wallet records through ``record_and_repay``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, Uuid, any_, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.ledger.accounts import wallet_available, wallet_debt
from jobsphere.ledger.posting import Entry, Posting, Verdict
from jobsphere.ledger.record import lock_balance, record
from jobsphere.money import Money
from jobsphere.wallets import transactions
from jobsphere.wallets.tables import debts
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType

_AVAILABLE = re.compile("wallet:([-0-9a-f]{36}):available", re.ASCII)
_LOCK_OPEN = (
    select(debts)
    .where(debts.c.wallet_id == any_(bindparam("wallet_ids", type_=ARRAY(Uuid))))
    .where(debts.c.repaid_minor < debts.c.amount_minor)
    .order_by(debts.c.wallet_id, debts.c.created_at, debts.c.id)
    .with_for_update()
)


class DebtOrigin(StrEnum):
    """Why a wallet owes."""

    REFUND = "refund"  # a refund was made at Stripe for more than the wallet still held
    DISPUTE = "dispute"  # a dispute was lost for more than was frozen


@dataclass(frozen=True, slots=True)
class Debt:
    """``amount`` that a wallet came to owe, of which ``repaid`` is paid back."""

    id: UUID
    wallet_id: UUID
    origin: DebtOrigin
    origin_id: UUID
    amount: Money
    repaid: Money
    created_at: datetime

    @property
    def open(self) -> Money:
        """What is still owed."""
        return self.amount - self.repaid


@dataclass(frozen=True, slots=True)
class Credit:
    """``amount`` came into a wallet; ``reference`` names the fact that brought it."""

    wallet_id: UUID
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Part:
    """How much of one debt is repaid."""

    debt: Debt
    amount: Money


def parts(owed: Iterable[Debt], available: Money) -> list[Part]:
    """What ``available`` repays of the debts, in their order; the sum is never more than either."""
    repaid, left = [], available
    for debt in owed:
        if part := min(debt.open, left):
            repaid.append(Part(debt, part))
            left -= part
    return repaid


async def record_and_repay(
    connection: AsyncConnection, entries: Sequence[Entry], *, now: datetime
) -> list[Verdict]:
    """``ledger.record``, and then the debts of every wallet that was credited.

    Verdicts and errors are those of ``record``; a repayment never fails.
    """
    verdicts = await record(connection, entries)
    recorded = [e for e, verdict in zip(entries, verdicts, strict=True) if verdict is Verdict.RECORDED]
    await repay(connection, [credit for entry in recorded for credit in _credits(entry)], now=now)
    return verdicts


def _credits(entry: Entry) -> list[Credit]:
    """What an entry brings to wallets, one for each of them."""
    brought: dict[UUID, Money] = {}
    for posting in entry.postings:
        if found := _AVAILABLE.fullmatch(posting.credit.name):
            wallet_id = UUID(found[1])
            before = brought.get(wallet_id, Money.zero(posting.amount.currency))
            brought[wallet_id] = before + posting.amount
    return [Credit(wallet_id, entry.reference, amount) for wallet_id, amount in brought.items()]


async def repay(connection: AsyncConnection, came: Sequence[Credit], *, now: datetime) -> None:
    """Pay debts of wallets that were credited with what they hold, as if each credit had come alone."""
    if not came:
        return
    wallet_ids = list({credit.wallet_id for credit in came})
    owed: dict[tuple[UUID, str], list[Debt]] = {}
    for row in await connection.execute(_LOCK_OPEN, {"wallet_ids": wallet_ids}):
        owed.setdefault((row.wallet_id, row.currency), []).append(_debt(row))
    for of, theirs in owed.items():
        their_credits = [credit for credit in came if (credit.wallet_id, credit.amount.currency) == of]
        await _repay_in_order(connection, theirs, their_credits, now)


async def _repay_in_order(
    connection: AsyncConnection, owed: Sequence[Debt], came: Sequence[Credit], now: datetime
) -> None:
    wallet_id, currency = owed[0].wallet_id, owed[0].amount.currency
    zero = Money.zero(currency)
    # Locked by what credited it, so nobody spends it meanwhile.
    available = await lock_balance(connection, wallet_available(wallet_id, currency))
    to_come = sum((credit.amount for credit in came), zero)
    for credit in came:
        to_come -= credit.amount
        repaid = parts(owed, max(available - to_come, zero))
        await _repay(connection, repaid, f"debt:{wallet_id}:{credit.reference}", now)
        available -= sum((part.amount for part in repaid), zero)
        by_debt = {part.debt.id: part.amount for part in repaid}
        owed = [replace(debt, repaid=debt.repaid + by_debt.get(debt.id, zero)) for debt in owed]


async def owe(
    connection: AsyncConnection,
    wallet_id: UUID,
    amount: Money,
    origin: DebtOrigin,
    origin_id: UUID,
    *,
    reference: str,
    now: datetime,
) -> None:
    """Keep why a wallet owes ``amount``; ``reference`` is the entry that moved its debt account."""
    await connection.execute(
        insert(debts).values(
            id=uuid5(origin_id, reference),
            wallet_id=wallet_id,
            origin=origin.value,
            origin_id=origin_id,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            created_at=now,
        )
    )


async def debts_of(connection: AsyncConnection, wallet_id: UUID) -> list[Debt]:
    """Every debt the wallet ever had, newest first."""
    query = select(debts).where(debts.c.wallet_id == wallet_id)
    rows = await connection.execute(query.order_by(debts.c.created_at.desc(), debts.c.id.desc()))
    return [_debt(row) for row in rows]


async def _repay(connection: AsyncConnection, repaid: Sequence[Part], reference: str, now: datetime) -> None:
    if not repaid:
        return
    await record(connection, [_entry(repaid, reference)])
    for part in repaid:
        await connection.execute(
            update(debts)
            .where(debts.c.id == part.debt.id)
            .values(repaid_minor=debts.c.repaid_minor + part.amount.amount_minor)
        )
    await transactions.write(connection, *(_transaction(part, reference, now) for part in repaid))


def _entry(repaid: Sequence[Part], reference: str) -> Entry:
    wallet_id, currency = repaid[0].debt.wallet_id, repaid[0].amount.currency
    total = sum((part.amount for part in repaid), Money.zero(currency))
    available, debt = wallet_available(wallet_id, currency), wallet_debt(wallet_id, currency)
    return Entry(reference, (Posting(debit=available, credit=debt, amount=total),))


def _transaction(part: Part, reference: str, now: datetime) -> Transaction:
    return Transaction(
        id=uuid5(part.debt.id, reference),
        type=TransactionType.DEBT_REPAYMENT,
        amount=part.amount,
        from_wallet_id=part.debt.wallet_id,
        to_wallet_id=None,
        status=TransactionStatus.COMPLETED,
        description=_WHY[part.debt.origin],
        created_at=now,
        completed_at=now,
    )


_WHY = {
    DebtOrigin.REFUND: "Repayment for a refund of money that was spent",
    DebtOrigin.DISPUTE: "Repayment for a lost dispute of money that was spent",
}


def _debt(row: Row[Any]) -> Debt:
    return Debt(
        id=row.id,
        wallet_id=row.wallet_id,
        origin=DebtOrigin(row.origin),
        origin_id=row.origin_id,
        amount=Money(row.amount_minor, row.currency),
        repaid=Money(row.repaid_minor, row.currency),
        created_at=row.created_at,
    )
