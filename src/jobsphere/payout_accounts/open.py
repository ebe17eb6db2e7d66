"""Open a payout account: made once at Stripe, completed on Stripe's pages, by links made afresh."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.audit.write import write as write_audit
from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction
from jobsphere.identity.people import User, require_password
from jobsphere.payout_accounts import account as rules
from jobsphere.payout_accounts import store
from jobsphere.payout_accounts.account import PayoutAccount
from jobsphere.payout_accounts.regions import needs_recipient_agreement
from jobsphere.payout_accounts.standing import AccountState
from jobsphere.stripe_gateway import calls
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused
from jobsphere.stripe_gateway.objects import Account, AccountLink
from jobsphere.wallets.wallet import lock_wallet_of, wallet_of


class CountryNotSupported(Exception):
    """Stripe opens no payout accounts in this country."""


class SettlesInOtherCurrency(Exception):
    """An account in this country is kept in another currency than the platform pays in."""

    def __init__(self, account_currency: str, platform_currency: str) -> None:
        super().__init__(f"{account_currency}, not {platform_currency}")
        self.account_currency = account_currency
        self.platform_currency = platform_currency


class PasswordNeeded(Exception):
    """The bank account can be changed on this page, so the person must give the password again."""


class NoDashboardYet(Exception):
    """There is no account, or Stripe does not know enough of its owner to have a dashboard for it."""


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Where the contractor goes next: ``link`` is a page of Stripe's, for one visit."""

    account_id: str
    link: AccountLink


async def connect(
    engine: AsyncEngine,
    gateway: StripeGateway,
    clock: Clock,
    user: User,
    *,
    country: str,
    platform_country: str,
    password: str | None,
    pages_base: str,
) -> Onboarding:
    """Make the account if there is none, and a fresh link to its onboarding page.

    Raises:
        PasswordNeeded, WrongPassword: a bank account is entered already, and the page can change it.
        CountryNotSupported, SettlesInOtherCurrency: an account in that country would be of no use.
        OutcomeUnknown, Refused, StripeMisconfigured: Stripe did not do it; asking again is safe.
    """
    known = await _current_account(engine, user.id)
    if known is not None and known.bank_id is not None:
        await _require_password(engine, user.id, password)
    account = known or await _open(engine, gateway, clock, user, country, platform_country)
    link = await gateway.create_account_link(
        account.account_id,
        return_url=f"{pages_base}/connect/success",
        refresh_url=f"{pages_base}/connect/refresh",
    )
    await _keep_link(engine, user.id, account, "account.onboarding_link_made", clock.now())
    return Onboarding(account.account_id, link)


async def open_dashboard(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user: User, *, password: str
) -> str:
    """The address of a page at Stripe where the contractor sees payouts and changes the bank account.

    Raises:
        WrongPassword: nobody with just the token of somebody else gets there.
        NoDashboardYet: there is none for this account.
        OutcomeUnknown, StripeMisconfigured: Stripe did not do it; asking again is safe.
    """
    await require_password(engine, user.id, password)
    account = await _current_account(engine, user.id)
    if account is None or not account.details_submitted:
        raise NoDashboardYet
    url = await gateway.create_login_link(account.account_id)
    await _keep_link(engine, user.id, account, "account.dashboard_opened", clock.now())
    return url


async def _require_password(engine: AsyncEngine, user_id: UUID, password: str | None) -> None:
    if password is None:
        raise PasswordNeeded
    await require_password(engine, user_id, password)


@in_own_transaction
async def _current_account(connection: AsyncConnection, user_id: UUID) -> PayoutAccount | None:
    """The account the contractor uses; one that is disconnected is none."""
    account = await store.of_wallet(connection, await wallet_of(connection, user_id))
    return None if account is None or account.state is AccountState.DISCONNECTED else account


async def _open(
    engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user: User, country: str, platform_country: str
) -> PayoutAccount:
    key = await _begin(engine, user.id, country, clock.now())
    asked_at = clock.now()
    try:
        made = await gateway.create_account(
            user_id=user.id,
            email=user.email,
            country=country,
            is_recipient=needs_recipient_agreement(platform_country, country),
            key=key,
        )
    except Refused as refusal:
        await _store_no_account(engine, key, refusal.code, clock.now())
        if refusal.code in ("country_unsupported", "country_code_invalid"):
            raise CountryNotSupported from refusal
        raise
    except OutcomeUnknown as unknown:
        # An account that nobody was onboarded on holds nothing, so a second one does no harm.
        if unknown.will_not_change:
            await _store_no_account(engine, key, calls.NEVER_HAPPENED, clock.now())
        raise
    return await _store_account(engine, user.id, made, key, asked_at)


@in_own_transaction
async def _begin(connection: AsyncConnection, user_id: UUID, country: str, now: datetime) -> str:
    # Country and number are part of the name: another one is another request, and Stripe would refuse the key.
    number = await store.count(connection, (await wallet_of(connection, user_id)).id) + 1
    return await calls.begin_attempt(connection, f"user:{user_id}:account:{number}:{country}", now=now)


@in_own_transaction
async def _store_no_account(connection: AsyncConnection, key: str, code: str | None, now: datetime) -> None:
    await calls.refused(connection, key, code=code, now=now)


async def _store_account(
    engine: AsyncEngine, user_id: UUID, made: Account, key: str, seen_at: datetime
) -> PayoutAccount:
    kept, currency = await _keep_account(engine, user_id, made, key, seen_at)
    if kept is None:
        raise SettlesInOtherCurrency(made.default_currency or "", currency)
    return kept


@in_own_transaction
async def _keep_account(
    connection: AsyncConnection, user_id: UUID, made: Account, key: str, seen_at: datetime
) -> tuple[PayoutAccount | None, str]:
    """The account, unless it is kept in another currency than the one that is returned with it."""
    await calls.succeeded(connection, key, object_id=made.id, now=seen_at)
    wallet = await lock_wallet_of(connection, user_id, to_change=True)
    quicker = await store.of_wallet(connection, wallet)
    if quicker is not None and quicker.state is not AccountState.DISCONNECTED:
        return quicker, wallet.currency
    if made.default_currency not in (None, wallet.currency):
        return None, wallet.currency
    blank = PayoutAccount(account_id=made.id, wallet_id=wallet.id, opened_at=seen_at)
    opened = rules.seen(blank, made, wallet.currency, seen_at).after
    await store.add(connection, opened)
    await _keep_opened(connection, user_id, opened, seen_at)
    return opened, wallet.currency


async def _keep_opened(connection: AsyncConnection, user_id: UUID, account: PayoutAccount, now: datetime) -> None:
    await write_audit(
        connection,
        actor_id=user_id,
        action="account.opened",
        subject=f"wallet:{account.wallet_id}",
        now=now,
        details={"account_id": account.account_id, "country": account.country},
    )


@in_own_transaction
async def _keep_link(
    connection: AsyncConnection, user_id: UUID, account: PayoutAccount, action: str, now: datetime
) -> None:
    await write_audit(
        connection,
        actor_id=user_id,
        action=action,
        subject=f"wallet:{account.wallet_id}",
        now=now,
        details={"account_id": account.account_id},
    )
