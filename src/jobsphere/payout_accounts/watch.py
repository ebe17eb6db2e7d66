"""Watch over a payout account: what Stripe says of it, by events or when it is asked, is kept and told.

Losing the account stops withdrawals, never earning.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.observability import logger
from jobsphere.payout_accounts import account as rules
from jobsphere.payout_accounts import store
from jobsphere.payout_accounts.account import PayoutAccount
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import AccountDisconnected, OutcomeUnknown, StripeMisconfigured
from jobsphere.stripe_gateway.objects import Account
from jobsphere.wallets.wallet import wallet_of

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """An account as it was when Stripe was last asked; ``is_fresh``: that was just now."""

    account: PayoutAccount | None
    is_fresh: bool


async def look(gateway: StripeGateway, account_id: str) -> Account | None:
    """What Stripe says of an account now; None when it is not connected to the platform any more.

    Raises:
        OutcomeUnknown, StripeMisconfigured: Stripe does not say.
    """
    try:
        return await gateway.retrieve_account(account_id)
    except AccountDisconnected:
        return None


async def check(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, user_id: UUID) -> Status:
    """Ask Stripe how the person's account is, and keep the answer; what was known, when Stripe does not answer."""
    async with reading(engine) as connection:
        known = await store.of_wallet(connection, await wallet_of(connection, user_id))
    if known is None:
        return Status(None, is_fresh=True)
    try:
        fresh = await ask(engine, gateway, clock, known.account_id)
    except (OutcomeUnknown, StripeMisconfigured) as error:
        log.warning("account.not_asked", account_id=known.account_id, cause=type(error).__name__)
        return Status(known, is_fresh=False)
    return Status(fresh, is_fresh=True)


async def ask(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, account_id: str) -> PayoutAccount | None:
    """Ask Stripe about one account and keep the answer; None when it is not ours.

    Raises:
        OutcomeUnknown, StripeMisconfigured: Stripe does not say.
    """
    asked_at = clock.now()
    answer = await look(gateway, account_id)
    return await _store_answer(engine, account_id, answer, asked_at)


async def seen(
    connection: AsyncConnection, account_id: str, answer: Account | None, *, seen_at: datetime
) -> PayoutAccount | None:
    """Keep what Stripe said, asked at ``seen_at`` (None: it is disconnected), unless something newer is known.

    Returns the account as it is known now; None when it is not ours.
    """
    locked = await store.lock(connection, account_id)
    if locked is None:
        return None
    before, user_id, currency = locked
    if before.is_newer_than(seen_at):
        return before
    change = (
        rules.disconnected(before, seen_at) if answer is None else rules.seen(before, answer, currency, seen_at)
    )
    await store.save(connection, before, change, user_id, now=seen_at)
    return change.after


@in_own_transaction
async def _store_answer(
    connection: AsyncConnection, account_id: str, answer: Account | None, asked_at: datetime
) -> PayoutAccount | None:
    return await seen(connection, account_id, answer, seen_at=asked_at)
