"""What must be so for a withdrawal to be made: one list, for quotes as a whole and for requests in order."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.money import Money
from jobsphere.payout_accounts import store as payout_accounts
from jobsphere.payout_accounts.account import PayoutAccount
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Use
from jobsphere.wallets.freezes import WalletFrozen
from jobsphere.wallets.limits import AmountOutOfLimits
from jobsphere.wallets.wallet import InsufficientFunds, OtherCurrency, Wallet, WalletInactive, available_balance
from jobsphere.withdrawals import switch
from jobsphere.withdrawals.bank_minimums import BelowBankMinimum, require_sendable
from jobsphere.withdrawals.policy import DAY, BankAccountTooNew, DailyLimitReached, Earlier, Policy
from jobsphere.withdrawals.store import bank_refused_at, since
from jobsphere.withdrawals.switch import WithdrawalsPaused


class NotOnboarded(Exception):
    """The contractor has no payout account, or Stripe cannot pay it yet."""


class BankAccountRefused(Exception):
    """A bank sent money back, and the payout account still has the same bank account."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the contractor asks for; a request holds the wallet locked."""

    wallet: Wallet
    amount: Money
    policy: Policy
    now: datetime
    account: PayoutAccount | None
    earlier: Sequence[Earlier]

    @property
    def bank_changed_at(self) -> datetime | None:
        """When another bank account was entered last."""
        return self.account.bank_changed_at if self.account else None


async def wanted(
    connection: AsyncConnection, wallet: Wallet, amount: Money, policy: Policy, now: datetime
) -> Wanted:
    """What is asked for, with what has to be known of the contractor to judge it."""
    account = await payout_accounts.of_wallet(connection, wallet)
    return Wanted(wallet, amount, policy, now, account, await since(connection, wallet.id, now - DAY))


Check = Callable[[AsyncConnection, Wanted], Awaitable[None]]
# What a check may raise, each with its row in ``web/errors.py``.
REFUSALS: tuple[type[Exception], ...] = (
    WithdrawalsPaused,
    AmountOutOfLimits,
    BelowBankMinimum,
    WalletFrozen,
    WalletInactive,
    OtherCurrency,
    NotOnboarded,
    BankAccountTooNew,
    DailyLimitReached,
    BankAccountRefused,
    InsufficientFunds,
)


async def within_limits(_: AsyncConnection, wanted: Wanted) -> None:
    """The amount is neither too small nor too large for the country it goes to."""
    country = wanted.account.country if wanted.account else None
    wanted.policy.limits_in(country).require(wanted.amount)


async def sendable(_: AsyncConnection, wanted: Wanted) -> None:
    """Stripe sends such an amount to a bank in that country."""
    if wanted.account is not None and wanted.account.country is not None:
        require_sendable(wanted.amount, wanted.account.country)


async def not_paused(connection: AsyncConnection, _: Wanted) -> None:
    """No admin has stopped new withdrawals."""
    await switch.require_off(connection)


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


async def bank_settled(_: AsyncConnection, wanted: Wanted) -> None:
    """The bank account was not changed just now."""
    wanted.policy.require_bank_settled(wanted.bank_changed_at, wanted.now)


async def within_day(_: AsyncConnection, wanted: Wanted) -> None:
    """Neither too many nor too much within 24 hours; a request holds the wallet alone, so none slips through."""
    if wanted.wallet.currency == wanted.amount.currency:
        wanted.policy.require_within_day(wanted.amount, wanted.earlier, wanted.now)


async def bank_takes_money(connection: AsyncConnection, wanted: Wanted) -> None:
    """No payout failed since the bank account was entered: nothing is sent there again (stripe.md section 3)."""
    refused_at = await bank_refused_at(connection, wanted.account.account_id) if wanted.account else None
    if refused_at is not None and (wanted.bank_changed_at is None or wanted.bank_changed_at <= refused_at):
        raise BankAccountRefused


async def covered(connection: AsyncConnection, wanted: Wanted) -> None:
    """The wallet holds the amount. PostgreSQL decides it once more when the money is moved."""
    if wanted.wallet.currency != wanted.amount.currency:
        return  # told by ``same_currency``
    if await available_balance(connection, wanted.wallet) < wanted.amount:
        raise InsufficientFunds


CHECKS: tuple[Check, ...] = (
    not_paused,
    within_limits,
    sendable,
    not_frozen,
    same_currency,
    onboarded,
    bank_takes_money,
    bank_settled,
    within_day,
    covered,
)


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
