"""What must be so for a withdrawal to be made: one list, for quotes as a whole and for requests in order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.money import Money
from jobsphere.wallets import freezes
from jobsphere.wallets.freezes import Use, WalletFrozen
from jobsphere.wallets.limits import AmountOutOfLimits, Limits
from jobsphere.wallets.wallet import InsufficientFunds, OtherCurrency, Wallet, WalletInactive, available_balance


class NotOnboarded(Exception):
    """The contractor has no payout account, or Stripe cannot pay it yet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the contractor asks for; a request holds the wallet locked."""

    wallet: Wallet
    amount: Money
    limits: Limits
    now: datetime


Check = Callable[[AsyncConnection, Wanted], Awaitable[None]]
# What a check may raise, each with its row in ``web/errors.py``.
REFUSALS: tuple[type[Exception], ...] = (
    AmountOutOfLimits,
    WalletFrozen,
    WalletInactive,
    OtherCurrency,
    NotOnboarded,
    InsufficientFunds,
)


async def within_limits(_: AsyncConnection, wanted: Wanted) -> None:
    """The amount is neither too small nor too large."""
    wanted.limits.require(wanted.amount)


async def not_frozen(connection: AsyncConnection, wanted: Wanted) -> None:
    """Money may leave the wallet."""
    await freezes.require_free(connection, wanted.wallet, Use.WITHDRAW, now=wanted.now)


async def same_currency(_: AsyncConnection, wanted: Wanted) -> None:
    """The wallet is kept in the currency of the amount."""
    wanted.wallet.require_currency(wanted.amount)


async def onboarded(_: AsyncConnection, wanted: Wanted) -> None:
    """There is an account that the money can be sent to."""
    wallet = wanted.wallet
    if wallet.stripe_connect_account_id is None or not wallet.stripe_connect_onboarded:
        raise NotOnboarded


async def covered(connection: AsyncConnection, wanted: Wanted) -> None:
    """The wallet holds the amount. PostgreSQL decides it once more when the money is moved."""
    if wanted.wallet.currency != wanted.amount.currency:
        return  # told by ``same_currency``
    if await available_balance(connection, wanted.wallet) < wanted.amount:
        raise InsufficientFunds


CHECKS: tuple[Check, ...] = (within_limits, not_frozen, same_currency, onboarded, covered)


async def require_all(connection: AsyncConnection, wanted: Wanted) -> None:
    """Raises the first refusal there is."""
    for check in CHECKS:
        await check(connection, wanted)


async def refusals(connection: AsyncConnection, wanted: Wanted) -> list[Exception]:
    """Every refusal there is, in order; none: it can be requested."""
    found: list[Exception] = []
    for check in CHECKS:
        try:
            await check(connection, wanted)
        except REFUSALS as refusal:
            found.append(refusal)
    return found
