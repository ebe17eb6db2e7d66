"""Payout accounts as rows: read them, and save what a look at Stripe changed, all of it at once."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.notifications.write import notify
from jobsphere.payout_accounts.account import Change, PayoutAccount
from jobsphere.payout_accounts.notices import notices
from jobsphere.payout_accounts.standing import AccountState
from jobsphere.payout_accounts.tables import payout_accounts
from jobsphere.wallets.tables import wallets
from jobsphere.wallets.wallet import Wallet


async def add(connection: AsyncConnection, account: PayoutAccount) -> None:
    """Store a new account, and let the wallet use it."""
    await connection.execute(insert(payout_accounts).values(**_values(account)))
    await connection.execute(
        update(wallets)
        .where(wallets.c.id == account.wallet_id)
        .values(
            stripe_connect_account_id=account.account_id,
            stripe_connect_onboarded=account.state is AccountState.READY,
            stripe_connect_updated_at=account.seen_at,
        )
    )


async def find(connection: AsyncConnection, account_id: str) -> PayoutAccount | None:
    """The account with this id, read without a lock."""
    return await _one(connection, payout_accounts.c.account_id == account_id)


async def of_wallet(connection: AsyncConnection, wallet: Wallet) -> PayoutAccount | None:
    """The account that the wallet's owner uses now."""
    if wallet.stripe_connect_account_id is None:
        return None
    return await find(connection, wallet.stripe_connect_account_id)


async def count(connection: AsyncConnection, wallet_id: UUID) -> int:
    """How many accounts a wallet's owner has had."""
    rows = select(func.count()).where(payout_accounts.c.wallet_id == wallet_id)
    return int((await connection.execute(rows)).scalar_one())


async def lock(connection: AsyncConnection, account_id: str) -> tuple[PayoutAccount, UUID, str] | None:
    """The account with its owner's id and the wallet's currency; nobody else changes it until COMMIT.

    The wallet is locked with it: a withdrawal sees the change or is seen by it.
    """
    wallet_id = select(payout_accounts.c.wallet_id).where(payout_accounts.c.account_id == account_id)
    rows = await connection.execute(
        select(wallets.c.user_id, wallets.c.currency)
        .where(wallets.c.id == wallet_id.scalar_subquery())
        .with_for_update(key_share=True)
    )
    owner = rows.one_or_none()
    # Read after the lock is held: what another database transaction stored meanwhile is seen.
    account = await find(connection, account_id) if owner is not None else None
    return (account, owner.user_id, owner.currency) if owner is not None and account is not None else None


async def save(
    connection: AsyncConnection,
    before: PayoutAccount,
    change: Change,
    user_id: UUID,
    *,
    now: datetime,
) -> None:
    """Store what a look changed, what the wallet shows of it, what the contractor is told, and the audit rows."""
    after = change.after
    values = _values(after)
    await connection.execute(
        update(payout_accounts).where(payout_accounts.c.account_id == after.account_id).values(**values)
    )
    await connection.execute(
        update(wallets)
        .where(wallets.c.stripe_connect_account_id == after.account_id)
        .values(
            stripe_connect_onboarded=after.state is AccountState.READY, stripe_connect_updated_at=after.seen_at
        )
    )
    await notify(connection, notices(before, change, user_id), now=now)
    if change.state_changed:
        await _keep(connection, f"account.{after.state.value}", after, now)
    if change.bank_changed:
        await _keep(connection, "account.bank_changed", after, now)


async def _keep(connection: AsyncConnection, action: str, account: PayoutAccount, now: datetime) -> None:
    details = {"account_id": account.account_id, "disabled_reason": account.disabled_reason}
    await write_audit(
        connection,
        actor_id=None,
        action=action,
        subject=f"wallet:{account.wallet_id}",
        now=now,
        details={**details, "bank_id": account.bank_id},
    )


async def _one(connection: AsyncConnection, condition: ColumnElement[bool]) -> PayoutAccount | None:
    row = (await connection.execute(select(payout_accounts).where(condition))).one_or_none()
    return None if row is None else _account(row)


def _values(account: PayoutAccount) -> dict[str, Any]:
    return {**asdict(account), "state": account.state.value, "currently_due": list(account.currently_due)}


def _account(row: Row[Any]) -> PayoutAccount:
    facts = dict(row._mapping)
    return PayoutAccount(**{**facts, "state": AccountState(row.state), "currently_due": tuple(row.currently_due)})
