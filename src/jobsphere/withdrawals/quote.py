"""Before a contractor withdraws: what would arrive, when, and everything that stands against it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.database import reading
from jobsphere.money import Money
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.wallets.wallet import wallet_of
from jobsphere.withdrawals import checks, store
from jobsphere.withdrawals.expected import arrival, available_on
from jobsphere.withdrawals.policy import Policy
from jobsphere.withdrawals.reasons import PLATFORM_FUNDS_PENDING, Reason

# A quote does not wait for Stripe longer than a person waits for a page.
ASK_SECONDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Quote:
    """``arrives`` at the bank is the whole amount: withdrawing costs nothing.

    ``refusals``: everything that stands against it now, as the exceptions that a request would raise.
    ``waits_for``: what it would wait for first, ``until`` when (None: not known).
    ``estimated_arrival`` is None when it cannot be made, or nobody can say.
    """

    amount: Money
    arrives: Money
    fee: Money
    refusals: Sequence[Exception]
    waits_for: Reason | None
    until: datetime | None
    estimated_arrival: datetime | None


async def quote(
    engine: AsyncEngine, gateway: StripeGateway, *, user_id: UUID, amount: Money, policy: Policy, now: datetime
) -> Quote:
    """What a withdrawal of the amount would come to. Nothing is changed, and nothing is promised."""
    async with reading(engine) as connection:
        wallet = await wallet_of(connection, user_id)
        refusals = await checks.refusals(connection, await checks.wanted(connection, wallet, amount, policy, now))
        queued = await store.waiting_to_be_sent(connection, amount.currency)
    waits_for, until = (None, None) if refusals else await _wait(gateway, amount, queued)
    is_known = not refusals and (waits_for is None or until is not None)
    return Quote(
        amount=amount,
        arrives=amount,
        fee=Money.zero(amount.currency),
        refusals=refusals,
        waits_for=waits_for,
        until=until,
        estimated_arrival=arrival(until or now) if is_known else None,
    )


async def _wait(gateway: StripeGateway, amount: Money, queued: Money) -> tuple[Reason | None, datetime | None]:
    """What it waits for when all that asked before gets its money first."""
    try:
        async with asyncio.timeout(ASK_SECONDS_MAX):
            available = await gateway.retrieve_available_balance(amount.currency)
            missing = amount + queued - available
            if missing.amount_minor <= 0:
                return None, None
            return PLATFORM_FUNDS_PENDING, available_on(missing, await gateway.list_pending_money(amount.currency))
    except (OutcomeUnknown, Refused, StripeMisconfigured, TimeoutError):
        return None, None
