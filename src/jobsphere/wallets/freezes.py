"""Freezes: who stopped what on a wallet, why, until when, and when somebody looks at it again.

A wallet may have several at once; the strictest in force decides. Nothing that comes in, and nothing that is
already on its way at Stripe, is ever stopped by one (lifecycle.md section 11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.wallets.tables import freezes, wallets
from jobsphere.wallets.wallet import Wallet, WalletNotFound

REVIEW_AFTER = timedelta(days=7)


class FreezeLevel(StrEnum):
    """How much a freeze stops, from little to everything a person can do with their wallet."""

    WITHDRAWALS = "withdrawals"  # nothing can be withdrawn to a bank
    OUTGOING = "outgoing"  # nor can offers be sent or deposits be paid back to a card
    ALL = "all"  # nor can deposits be started


class Use(StrEnum):
    """What a person wants to do with their wallet."""

    WITHDRAW = "withdraw"  # send money to a bank
    SPEND = "spend"  # send an offer, or have a deposit paid back
    PAY_IN = "pay_in"  # start a deposit


_STOPPED_BY = {
    Use.WITHDRAW: frozenset(FreezeLevel),
    Use.SPEND: frozenset({FreezeLevel.OUTGOING, FreezeLevel.ALL}),
    Use.PAY_IN: frozenset({FreezeLevel.ALL}),
}


class WalletFrozen(Exception):
    """A freeze stops this use of the wallet."""


class FreezeNotFound(Exception):
    """There is no such freeze, or it was lifted already."""


class FreezeWithoutLength(Exception):
    """A freeze would end, or be looked at again, before it begins."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """One freeze; ``author_id`` is None when the platform did it by itself, ``ends_at`` when it has no end."""

    id: int
    wallet_id: UUID
    level: FreezeLevel
    reason: str
    reference: str | None
    author_id: UUID | None
    created_at: datetime
    review_at: datetime
    ends_at: datetime | None

    def is_in_force(self, now: datetime) -> bool:
        """Whether it stops anything at that time; it ends by itself, whoever looks or does not."""
        return self.ends_at is None or now < self.ends_at

    def stops(self, use: Use) -> bool:
        """Whether the wallet cannot be used like that while it is in force."""
        return self.level in _STOPPED_BY[use]


async def freeze(
    connection: AsyncConnection,
    wallet_id: UUID,
    *,
    level: FreezeLevel,
    reason: str,
    author_id: UUID | None,
    now: datetime,
    ends_at: datetime | None = None,
    review_at: datetime | None = None,
    reference: str | None = None,
) -> Freeze:
    """Freeze a wallet and keep who did it and why; without ``review_at`` it is looked at again in a week.

    A ``reference`` ("dispute:<id>") makes it happen once: the freeze of that name is returned as it is, even
    when it was lifted since. Uses of the wallet that hold it now end first (``lock_wallet_of``).

    Raises:
        WalletNotFound: no wallet has this id.
        FreezeWithoutLength: it would end or be reviewed in the past.
    """
    review_at = review_at or now + REVIEW_AFTER
    if review_at <= now or (ends_at is not None and ends_at <= now):
        raise FreezeWithoutLength
    marked = update(wallets).where(wallets.c.id == wallet_id).values(is_frozen=True).returning(wallets.c.id)
    if (await connection.execute(marked)).one_or_none() is None:
        raise WalletNotFound
    values = {"level": level.value, "reason": reason, "reference": reference, "author_id": author_id}
    times = {"created_at": now, "review_at": review_at, "ends_at": ends_at}
    added = await connection.execute(
        insert(freezes)
        .values(wallet_id=wallet_id, **values, **times)
        .on_conflict_do_nothing(index_elements=["reference"])
        .returning(*freezes.c)
    )
    row = added.one_or_none()
    if row is None:
        return _freeze((await connection.execute(select(freezes).where(freezes.c.reference == reference))).one())
    await _keep(connection, "wallet.frozen", row, author_id, reason, now)
    return _freeze(row)


async def lift(
    connection: AsyncConnection, freeze_id: int, *, reason: str, author_id: UUID | None, now: datetime
) -> Freeze:
    """End a freeze before its time, and keep who did it and why.

    Raises:
        FreezeNotFound: there is none, or it was lifted already.
    """
    wallet_id = await connection.execute(select(freezes.c.wallet_id).where(freezes.c.id == freeze_id))
    # The wallet is locked before its freezes, as everywhere.
    await connection.execute(
        select(wallets.c.id).where(wallets.c.id == wallet_id.scalar_one_or_none()).with_for_update(key_share=True)
    )
    lifted = await connection.execute(
        update(freezes)
        .where(freezes.c.id == freeze_id, freezes.c.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=author_id, lift_reason=reason)
        .returning(*freezes.c)
    )
    row = lifted.one_or_none()
    if row is None:
        raise FreezeNotFound
    if not await in_force(connection, row.wallet_id, now=now):
        await connection.execute(update(wallets).where(wallets.c.id == row.wallet_id).values(is_frozen=False))
    await _keep(connection, "wallet.freeze_lifted", row, author_id, reason, now)
    return _freeze(row)


async def lift_by_reference(
    connection: AsyncConnection, reference: str, *, reason: str, author_id: UUID | None, now: datetime
) -> Freeze | None:
    """End the freeze of that name; None when there is none, or it was lifted already."""
    open_ = select(freezes.c.id).where(freezes.c.reference == reference, freezes.c.lifted_at.is_(None))
    freeze_id = (await connection.execute(open_)).scalar_one_or_none()
    if freeze_id is None:
        return None
    return await lift(connection, freeze_id, reason=reason, author_id=author_id, now=now)


async def in_force(connection: AsyncConnection, wallet_id: UUID, *, now: datetime) -> list[Freeze]:
    """The wallet's freezes that stop something now, oldest first."""
    rows = await connection.execute(
        select(freezes).where(freezes.c.wallet_id == wallet_id, *_open(now)).order_by(freezes.c.id)
    )
    return [_freeze(row) for row in rows]


async def list_in_force(connection: AsyncConnection, *, now: datetime, limit: int) -> Sequence[Freeze]:
    """The freezes of all wallets that stop something now, the next to be looked at again first."""
    rows = await connection.execute(
        select(freezes).where(*_open(now)).order_by(freezes.c.review_at, freezes.c.id).limit(limit)
    )
    return [_freeze(row) for row in rows]


async def of(connection: AsyncConnection, wallet: Wallet, *, now: datetime) -> list[Freeze]:
    """The freezes in force of a wallet that was read; a wallet without any costs no look."""
    return await in_force(connection, wallet.id, now=now) if wallet.is_frozen else []


async def require_free(connection: AsyncConnection, wallet: Wallet, use: Use, *, now: datetime) -> None:
    """Make sure that nothing stops this use of a locked wallet.

    Raises:
        WalletFrozen: a freeze in force does.
        WalletInactive: the wallet is closed.
    """
    if any(freeze.stops(use) for freeze in await of(connection, wallet, now=now)):
        raise WalletFrozen
    wallet.require_active()


def _open(now: datetime) -> tuple[Any, ...]:
    c = freezes.c
    return c.lifted_at.is_(None), or_(c.ends_at.is_(None), c.ends_at > now)


async def _keep(
    connection: AsyncConnection, action: str, row: Row[Any], actor_id: UUID | None, reason: str, now: datetime
) -> None:
    await write_audit(
        connection,
        actor_id=actor_id,
        action=action,
        subject=f"wallet:{row.wallet_id}",
        now=now,
        details={"freeze_id": row.id, "level": row.level, "reason": reason},
    )


def _freeze(row: Row[Any]) -> Freeze:
    facts = {name: row._mapping[name] for name in Freeze.__slots__}
    return Freeze(**{**facts, "level": FreezeLevel(row.level)})
