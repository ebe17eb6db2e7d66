"""Wallets: opened once per person, found by their owner, locked for what is done with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Subquery, Uuid, any_, bindparam, func, insert, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.identity.people import Role
from jobsphere.identity.tables import users
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


async def wallets_of(connection: AsyncConnection, user_ids: Iterable[UUID], role: Role) -> list[Wallet]:
    """The wallets of those among them who are active and in this role, read without a lock."""
    rows = await connection.execute(_IN_ROLE, {"user_ids": list(set(user_ids)), "role": role.value})
    return [_wallet(row) for row in rows]


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


async def lock_wallets_of(connection: AsyncConnection, user_ids: Iterable[UUID], *, waits: bool) -> list[Wallet]:
    """As ``lock_wallet_of``, for several; unless it ``waits``, without those that somebody changes now."""
    query = _LOCK_SEVERAL if waits else _LOCK_SEVERAL_FREE
    rows = await connection.execute(query, {"user_ids": list(set(user_ids))})
    return [_wallet(row) for row in rows]


async def available_balance(connection: AsyncConnection, wallet: Wallet) -> Money:
    """What the owner may spend now."""
    return await balance(connection, wallet_available(wallet.id, wallet.currency))


async def totals(connection: AsyncConnection, wallet: Wallet) -> Totals:
    """Sums over the wallet's completed transactions."""
    sums = (await connection.execute(_TOTALS, {"wallet_id": wallet.id})).one()
    return Totals(*(Money(int(minor), wallet.currency) for minor in sums))


def _total(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(transactions.c.amount_minor).filter(*conditions), 0)


def _completed(side: ColumnElement[UUID], *sums: ColumnElement[int]) -> Subquery:
    return select(*sums).where(side == bindparam("wallet_id"), transactions.c.status == "completed").subquery()


_TYPE = transactions.c.type
_INCOMING = _completed(transactions.c.to_wallet_id, _total(_TYPE == "contractor_payout"))
_OUTGOING = _completed(
    transactions.c.from_wallet_id,
    _total(_TYPE.in_(("platform_fee", "service_fee", "contractor_payout"))),
    _total(_TYPE == "withdrawal"),
)
# One walk along each index, one row of each.
_TOTALS = select(_INCOMING, _OUTGOING).select_from(_INCOMING.join(_OUTGOING, true()))
_THEIRS = select(wallets).where(wallets.c.user_id == any_(bindparam("user_ids", type_=ARRAY(Uuid))))
_IN_ROLE = _THEIRS.join(users, users.c.id == wallets.c.user_id).where(
    users.c.is_active, users.c.role == bindparam("role")
)
_LOCK_SEVERAL = _THEIRS.order_by(wallets.c.id).with_for_update(read=True)
_LOCK_SEVERAL_FREE = _THEIRS.order_by(wallets.c.id).with_for_update(read=True, skip_locked=True)


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
