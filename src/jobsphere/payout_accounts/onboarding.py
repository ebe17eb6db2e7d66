"""The contractor's connected account at Stripe: made once, completed on Stripe's pages, watched ever after."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.audit.write import write as write_audit
from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.identity.people import User
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.notifications.write import notify
from jobsphere.stripe_gateway import calls
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused
from jobsphere.stripe_gateway.objects import Account, AccountLink
from jobsphere.wallets.tables import wallets
from jobsphere.wallets.wallet import wallet_of


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Where the contractor goes next: ``link`` is a page of Stripe's, for one visit."""

    account_id: str
    link: AccountLink


@dataclass(frozen=True, slots=True)
class ConnectStatus:
    """What Stripe says of the account now; no account yet: ``account`` is None."""

    account: Account | None

    @property
    def onboarded(self) -> bool:
        return self.account is not None and self.account.can_be_paid


async def connect(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user: User, *, country: str, pages_base: str
) -> Onboarding:
    """Make the account if there is none, and a fresh link to its onboarding page.

    Raises:
        OutcomeUnknown, Refused, StripeMisconfigured: Stripe did not do it; asking again is safe.
    """
    account_id = await _account_id(engine, gateway, clock, user, country)
    link = await gateway.create_account_link(
        account_id,
        return_url=f"{pages_base}/connect/success",
        refresh_url=f"{pages_base}/connect/refresh",
    )
    return Onboarding(account_id, link)


async def check_status(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user_id: UUID) -> ConnectStatus:
    """Ask Stripe how the account is, and keep the answer."""
    async with reading(engine) as connection:
        wallet = await wallet_of(connection, user_id)
    if wallet.stripe_connect_account_id is None:
        return ConnectStatus(None)
    asked_at = clock.now()
    account = await gateway.retrieve_account(wallet.stripe_connect_account_id)
    await _store_account(engine, account, asked_at)
    return ConnectStatus(account)


async def account_seen(connection: AsyncConnection, account: Account, *, seen_at: datetime) -> bool:
    """Keep what Stripe says of an account, unless something newer is known. False when it is not ours."""
    row = (
        await connection.execute(
            wallets.select().where(wallets.c.stripe_connect_account_id == account.id).with_for_update()
        )
    ).one_or_none()
    if row is None:
        return False
    if row.stripe_connect_updated_at is not None and row.stripe_connect_updated_at > seen_at:
        return True
    await connection.execute(
        update(wallets)
        .where(wallets.c.id == row.id)
        .values(stripe_connect_onboarded=account.can_be_paid, stripe_connect_updated_at=seen_at)
    )
    if account.can_be_paid != row.stripe_connect_onboarded:
        await _tell(connection, row.id, row.user_id, account, seen_at)
    return True


async def _tell(
    connection: AsyncConnection, wallet_id: UUID, user_id: UUID, account: Account, now: datetime
) -> None:
    body = (
        "Your payout account is ready: you can withdraw to your bank."
        if account.can_be_paid
        else "Your payout account cannot be paid at the moment. Open it at Stripe to see what is missing."
    )
    standing = "ready" if account.can_be_paid else "restricted"
    notice = Notice(
        # It may change to and fro within a second, and each change is told.
        reference=f"account:{account.id}:{standing}:{now.isoformat()}",
        user_id=user_id,
        type=NoticeType.ACCOUNT_UPDATED,
        title="Payout account ready" if account.can_be_paid else "Payout account needs attention",
        body=body,
        data={"accountId": account.id},
    )
    await notify(connection, [notice], now=now)
    await write_audit(
        connection,
        actor_id=None,
        action="account.onboarded" if account.can_be_paid else "account.restricted",
        subject=f"wallet:{wallet_id}",
        now=now,
        details={"account_id": account.id, "disabled_reason": account.disabled_reason},
    )


async def _account_id(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user: User, country: str) -> str:
    account_id, key = await _account_or_key(engine, user.id, country, clock.now())
    if account_id is not None:
        return account_id
    try:
        account = await gateway.create_account(user_id=user.id, email=user.email, country=country, key=key)
    except Refused as refusal:
        await _store_no_account(engine, key, refusal.code, clock.now())
        raise
    except OutcomeUnknown as unknown:
        # An account that nobody was onboarded on holds nothing, so a second one does no harm.
        if unknown.will_not_change:
            await _store_no_account(engine, key, calls.NEVER_HAPPENED, clock.now())
        raise
    return await _store_account_id(engine, user.id, account.id, key, clock.now())


@in_own_transaction
async def _account_or_key(
    connection: AsyncConnection, user_id: UUID, country: str, now: datetime
) -> tuple[str | None, str]:
    """The account if there is one, else the key to make it with."""
    wallet = await wallet_of(connection, user_id)
    if wallet.stripe_connect_account_id is not None:
        return wallet.stripe_connect_account_id, ""
    # The country is part of the name: another one is another request, and Stripe would refuse the key.
    return None, await calls.begin_attempt(connection, f"user:{user_id}:account:{country}", now=now)


@in_own_transaction
async def _store_no_account(connection: AsyncConnection, key: str, code: str | None, now: datetime) -> None:
    await calls.refused(connection, key, code=code, now=now)


@in_own_transaction
async def _store_account_id(
    connection: AsyncConnection, user_id: UUID, account_id: str, key: str, now: datetime
) -> str:
    await calls.succeeded(connection, key, object_id=account_id, now=now)
    # The first one stays: another request may have been quicker.
    await connection.execute(
        update(wallets)
        .where(wallets.c.user_id == user_id, wallets.c.stripe_connect_account_id.is_(None))
        .values(stripe_connect_account_id=account_id)
    )
    kept = (await wallet_of(connection, user_id)).stripe_connect_account_id
    assert kept is not None
    return kept


@in_own_transaction
async def _store_account(connection: AsyncConnection, account: Account, seen_at: datetime) -> None:
    await account_seen(connection, account, seen_at=seen_at)
