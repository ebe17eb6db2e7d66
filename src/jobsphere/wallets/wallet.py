"""Wallets: opened once per person, found by their owner, locked for what is done with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.ledger.accounts import wallet_available
from jobsphere.ledger.read import balance
from jobsphere.money import Money
from jobsphere.wallets.tables import transactions, wallets


class WalletNotFound(Exception):
    """There is no such wallet."""


class WalletInactive(Exception):
    """The wallet is closed."""


class OtherCurrency(Exception):
    """The wallet holds another currency than the platform works in now."""


class InsufficientFunds(Exception):
    """The wallet does not hold this much."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """Whose money, in which currency, and who they are at Stripe. Its balance is the ledger's.

    ``is_frozen``: there are freezes, which may be over by now; ``wallets.freezes`` knows.
    """

    id: UUID
    user_id: UUID
    currency: str
    is_active: bool
    is_frozen: bool
    stripe_customer_id: str | None
    stripe_connect_account_id: str | None
    stripe_connect_onboarded: bool
    stripe_connect_updated_at: datetime | None
    created_at: datetime

    def require_currency(self, amount: Money) -> None:
        """Raises ``OtherCurrency`` unless the amount is in the wallet's currency."""
        if amount.currency != self.currency:
            raise OtherCurrency

    def require_active(self) -> None:
        """Raises ``WalletInactive`` if the wallet is closed."""
        if not self.is_active:
            raise WalletInactive


@dataclass(frozen=True, slots=True)
class Totals:
    """What went through a wallet so far."""

    earnings: Money  # paid to it for completed jobs, after the service fee
    spent: Money  # left it for good: platform fees, service fees and contractors' pay
    withdrawals: Money  # reached a bank


async def open_wallet(
    connection: AsyncConnection, *, wallet_id: UUID, user_id: UUID, currency: str, now: datetime
) -> None:
    """Give a person their wallet."""
    await connection.execute(
        insert(wallets).values(id=wallet_id, user_id=user_id, currency=currency, created_at=now)
    )


async def wallet_of(connection: AsyncConnection, user_id: UUID) -> Wallet:
    """The person's wallet, read without a lock."""
    return await _one(connection, wallets.c.user_id == user_id)


async def wallet_by_id(connection: AsyncConnection, wallet_id: UUID) -> Wallet:
    """The wallet with this id, read without a lock."""
    return await _one(connection, wallets.c.id == wallet_id)


async def wallet_by_account(connection: AsyncConnection, stripe_connect_account_id: str) -> Wallet:
    """The wallet whose owner has this connected account at Stripe."""
    return await _one(connection, wallets.c.stripe_connect_account_id == stripe_connect_account_id)


async def lock_wallet_of(connection: AsyncConnection, user_id: UUID, *, to_change: bool = False) -> Wallet:
    """The person's wallet; until the database transaction ends it cannot be frozen or changed.

    ``to_change``: nor can anybody else hold it, so that what was counted under the lock stays so.
    """
    return await _one(connection, wallets.c.user_id == user_id, lock="change" if to_change else "share")


async def available_balance(connection: AsyncConnection, wallet: Wallet) -> Money:
    """What the owner may spend now."""
    return await balance(connection, wallet_available(wallet.id, wallet.currency))


async def totals(connection: AsyncConnection, wallet: Wallet) -> Totals:
    """Sums over the wallet's completed transactions."""
    c = transactions.c

    def total(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(c.amount_minor).filter(*conditions), 0)

    incoming = select(total(c.type == "contractor_payout")).where(
        c.to_wallet_id == wallet.id, c.status == "completed"
    )
    outgoing = select(
        total(c.type.in_(("platform_fee", "service_fee", "contractor_payout"))), total(c.type == "withdrawal")
    ).where(c.from_wallet_id == wallet.id, c.status == "completed")
    earned = (await connection.execute(incoming)).scalar_one()
    spent, withdrawn = (await connection.execute(outgoing)).one()
    return Totals(*(Money(int(minor), wallet.currency) for minor in (earned, spent, withdrawn)))


async def _one(
    connection: AsyncConnection, condition: ColumnElement[bool], *, lock: Literal["share", "change"] | None = None
) -> Wallet:
    query = select(wallets).where(condition)
    if lock == "share":
        query = query.with_for_update(read=True)
    elif lock == "change":
        # Not FOR UPDATE: rows that only name the wallet may still be added.
        query = query.with_for_update(key_share=True)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise WalletNotFound
    return _wallet(row)


def _wallet(row: Row[Any]) -> Wallet:
    return Wallet(**row._mapping)
