"""Freezes: who stopped what on a wallet, why, until when, and when somebody looks at it again.

A wallet may have several at once; the strictest in force decides. Nothing that comes in, and nothing that is
already on its way at Stripe, is ever stopped by one (lifecycle.md section 11).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, any_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.notifications.write import notify
from jobsphere.wallets import freeze_notices as notices
from jobsphere.wallets.freeze import Freeze, FreezeLevel, Use
from jobsphere.wallets.tables import freezes, wallets
from jobsphere.wallets.wallet import Wallet, WalletNotFound

REVIEW_AFTER = timedelta(days=7)
# A worker that was down for so long has missed telling that a freeze ended.
TOLD_WITHIN = timedelta(days=7)
_NOT_LIFTED = (
    select(freezes)
    .where(freezes.c.wallet_id == any_(bindparam("wallet_ids", type_=ARRAY(Uuid))), freezes.c.lifted_at.is_(None))
    .order_by(freezes.c.id)
)


class WalletFrozen(Exception):
    """A freeze stops this use of the wallet."""


class FreezeNotFound(Exception):
    """There is no such freeze, or it was lifted already."""


class FreezeWithoutLength(Exception):
    """A freeze would end, or be looked at again, before it begins."""


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
    marked = update(wallets).where(wallets.c.id == wallet_id).values(is_frozen=True).returning(wallets.c.user_id)
    owner_id = (await connection.execute(marked)).scalar_one_or_none()
    if owner_id is None:
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
    await notify(connection, [notices.frozen(_freeze(row), owner_id)], now=now)
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
    others_stay = bool(await in_force(connection, row.wallet_id, now=now))
    wallet = update(wallets).where(wallets.c.id == row.wallet_id).values(is_frozen=others_stay)
    owner_id = (await connection.execute(wallet.returning(wallets.c.user_id))).scalar_one()
    await _keep(connection, "wallet.freeze_lifted", row, author_id, reason, now)
    await notify(connection, [notices.thawed(_freeze(row), owner_id, others_stay=others_stay)], now=now)
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


async def tell_ended(connection: AsyncConnection, *, now: datetime) -> None:
    """Tell the owners of freezes that ended by themselves within the last days, each once."""
    lately = freezes.c.lifted_at.is_(None), freezes.c.ends_at > now - TOLD_WITHIN, freezes.c.ends_at <= now
    owner = select(wallets.c.user_id).where(wallets.c.id == freezes.c.wallet_id).scalar_subquery()
    for row in (await connection.execute(select(freezes, owner.label("owner_id")).where(*lately))).all():
        others_stay = bool(await in_force(connection, row.wallet_id, now=now))
        await notify(connection, [notices.thawed(_freeze(row), row.owner_id, others_stay=others_stay)], now=now)


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
    return [freeze for freeze in await of_all(connection, [wallet]) if freeze.is_in_force(now)]


async def of_all(connection: AsyncConnection, read: Iterable[Wallet]) -> list[Freeze]:
    """The freezes of these wallets that were not lifted, oldest first; wallets without any cost no look."""
    frozen = [wallet.id for wallet in read if wallet.is_frozen]
    return (
        [_freeze(row) for row in await connection.execute(_NOT_LIFTED, {"wallet_ids": frozen})] if frozen else []
    )


async def require_free(connection: AsyncConnection, wallet: Wallet, use: Use, *, now: datetime) -> None:
    """Make sure that nothing stops this use of a locked wallet.

    Raises:
        WalletFrozen: a freeze in force does.
        WalletInactive: the wallet is closed.
    """
    require_none(await of_all(connection, [wallet]), wallet, use, now=now)


def require_none(of_wallets: Iterable[Freeze], wallet: Wallet, use: Use, *, now: datetime) -> None:
    """As ``require_free``, by the freezes that ``of_all`` found for this wallet and others."""
    if any(one.wallet_id == wallet.id and one.is_in_force(now) and one.stops(use) for one in of_wallets):
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
