"""Take a withdrawal to the bank: transfer, then payout; or back to the wallet if the bank refuses.

The worker calls it. Each call repeats its stored key until Stripe answers, so it may be run again at
any time, by anybody; ``stripe_gateway/once.py`` sees to it that it happens once.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import DatabaseTransaction, in_own_transaction, reading
from jobsphere.observability import logger
from jobsphere.payout_accounts import store as payout_accounts
from jobsphere.payout_accounts import watch
from jobsphere.payout_accounts.account import PayoutAccount
from jobsphere.payout_accounts.standing import AccountState
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import (
    AccountDisconnected,
    OutcomeLost,
    OutcomeUnknown,
    Refused,
    StripeMisconfigured,
)
from jobsphere.withdrawals import at_stripe, lifecycle, reasons, store
from jobsphere.withdrawals.expected import available_on
from jobsphere.withdrawals.reasons import Reason
from jobsphere.withdrawals.withdrawal import Step, Withdrawal, WithdrawalState

log = logger(__name__)

# After another bank account was entered nothing goes there for so long, unless the settings say otherwise.
BANK_CHANGE_WAIT = timedelta(hours=24)
# What was asked about the account so shortly before a payout holds for the payout, too.
_FRESH = timedelta(minutes=1)
# How long a withdrawal rests that only a person, or a change at Stripe, can help.
_STUCK_SECONDS = 60 * 60
_INSUFFICIENT = "balance_insufficient"

Rule = Callable[..., Step]
_RULES: tuple[Rule, ...] = (
    lifecycle.answer_lost,
    lifecycle.account_lost,
    lifecycle.begin_transfer,
    lifecycle.transfer_made,
    lifecycle.transfer_must_wait,
    lifecycle.transfer_refused,
    lifecycle.begin_payout,
    lifecycle.payout_created,
    lifecycle.payout_must_wait,
    lifecycle.payout_refused,
    lifecycle.begin_reversal,
    lifecycle.reversal_must_wait,
    lifecycle.reversal_impossible,
    lifecycle.transfer_reversed,
)
_REST_SECONDS: Mapping[Rule, float] = {
    lifecycle.transfer_must_wait: store.WAIT_SECONDS,
    lifecycle.payout_must_wait: store.WAIT_SECONDS,
    lifecycle.reversal_must_wait: store.WAIT_SECONDS,
    lifecycle.reversal_impossible: _STUCK_SECONDS,
}
# One kind of database transaction for each rule, so that each has its own crash points.
_TRANSACTIONS = {rule: DatabaseTransaction(f"withdrawals.send.{rule.__name__}") for rule in _RULES}


async def send(
    engine: AsyncEngine,
    gateway: StripeGateway,
    clock: Clock,
    withdrawal_id: UUID,
    *,
    bank_change_wait: timedelta = BANK_CHANGE_WAIT,
) -> None:
    """Go on with a withdrawal until it is in transit, returned, or has to wait.

    An outcome that stays unknown is no error: the withdrawal keeps its state and is tried again later.
    """
    async with reading(engine) as connection:
        withdrawal: Withdrawal | None = await store.find(connection, withdrawal_id)
    sender = _Sender(engine, gateway, clock, bank_change_wait)
    try:
        while withdrawal is not None and withdrawal.doing in _DEEDS:
            withdrawal = await sender.go_on(withdrawal)
    except OutcomeLost as lost:
        log.error("withdrawal.unresolved", withdrawal_id=str(withdrawal_id), cause=str(lost))
        await sender.keep_as_unresolved(withdrawal_id)
    except (OutcomeUnknown, StripeMisconfigured, Refused) as error:
        log.warning("withdrawal.outcome_unknown", withdrawal_id=str(withdrawal_id), cause=str(error))
        await _try_later(engine, withdrawal_id, clock.now())


@dataclass(frozen=True, slots=True)
class _Sender:
    """One deed for each state in which there is something to send.

    A deed returns the withdrawal to go on with, or None when it has to rest.
    """

    engine: AsyncEngine
    gateway: StripeGateway
    clock: Clock
    bank_change_wait: timedelta = BANK_CHANGE_WAIT

    async def go_on(self, withdrawal: Withdrawal) -> Withdrawal | None:
        """Do what its state asks for; without the account, what is still possible."""
        try:
            return await _DEEDS[withdrawal.doing](self, withdrawal)
        except AccountDisconnected:
            if (await self._fresh_account(withdrawal)).state is not AccountState.DISCONNECTED:
                raise  # Stripe refuses something else
        log.error("withdrawal.account_lost", withdrawal_id=str(withdrawal.id), state=withdrawal.state.value)
        after = await self._take(withdrawal, lifecycle.account_lost)
        if after is not None and after.state is not WithdrawalState.UNRESOLVED:
            return after
        await _try_later(self.engine, withdrawal.id, self.clock.now())
        return None

    async def start_transfer(self, withdrawal: Withdrawal) -> Withdrawal | None:
        return await self._start(withdrawal, lifecycle.begin_transfer, reasons.PLATFORM_FUNDS_PENDING, None)

    async def transfer(self, withdrawal: Withdrawal) -> Withdrawal | None:
        key = withdrawal.transfer_key
        try:
            made = await once.send(self.engine, self.clock, at_stripe.transfer(self.gateway, withdrawal))
        except Refused as refusal:
            if refusal.code in (_INSUFFICIENT, calls.NEVER_HAPPENED):
                never = refusal.code == calls.NEVER_HAPPENED
                wait = reasons.SENT_AGAIN if never else reasons.PLATFORM_FUNDS_PENDING
                return await self._take(withdrawal, lifecycle.transfer_must_wait, wait, refused=(key, refusal))
            log.error("withdrawal.transfer_refused", withdrawal_id=str(withdrawal.id), code=refusal.code)
            reason = reasons.TRANSFER_REFUSED
            return await self._take(withdrawal, lifecycle.transfer_refused, reason, refused=(key, refusal))
        return await self._take(withdrawal, lifecycle.transfer_made, made.id, succeeded=(key, made.id))

    async def start_payout(self, withdrawal: Withdrawal) -> Withdrawal | None:
        account_id = withdrawal.account_id
        return await self._start(withdrawal, lifecycle.begin_payout, reasons.ACCOUNT_FUNDS_PENDING, account_id)

    async def pay_out(self, withdrawal: Withdrawal) -> Withdrawal | None:
        key = withdrawal.payout_key
        try:
            made = await once.send(self.engine, self.clock, at_stripe.payout(self.gateway, withdrawal))
        except Refused as refusal:
            if refusal.code in (_INSUFFICIENT, calls.NEVER_HAPPENED):
                never = refusal.code == calls.NEVER_HAPPENED
                wait = reasons.SENT_AGAIN if never else reasons.ACCOUNT_FUNDS_PENDING
                return await self._take(withdrawal, lifecycle.payout_must_wait, wait, refused=(key, refusal))
            log.error("withdrawal.payout_refused", withdrawal_id=str(withdrawal.id), code=refusal.code)
            reason = reasons.PAYOUT_REFUSED
            return await self._take(withdrawal, lifecycle.payout_refused, reason, refused=(key, refusal))
        return await self._take(withdrawal, lifecycle.payout_created, made, succeeded=(key, made.id))

    async def start_reversal(self, withdrawal: Withdrawal) -> Withdrawal | None:
        return await self._take(withdrawal, lifecycle.begin_reversal)

    async def reverse(self, withdrawal: Withdrawal) -> Withdrawal | None:
        assert withdrawal.transfer_id is not None
        transfer_id, key = withdrawal.transfer_id, withdrawal.reversal_key
        try:
            made = await once.send(
                self.engine, self.clock, at_stripe.reversal(self.gateway, withdrawal, transfer_id)
            )
        except Refused as refusal:
            # Somebody may have reversed it in Stripe's dashboard: then there is nothing left to reverse.
            done = await self.gateway.find_reversal(transfer_id, amount=withdrawal.amount)
            if done is not None:
                return await self._take(withdrawal, lifecycle.transfer_reversed, done.id, refused=(key, refusal))
            log.error("withdrawal.reversal_refused", withdrawal_id=str(withdrawal.id), code=refusal.code)
            is_gone = (await self._fresh_account(withdrawal)).state is AccountState.DISCONNECTED
            rule = lifecycle.reversal_impossible if is_gone else lifecycle.reversal_must_wait
            return await self._take(withdrawal, rule, refused=(key, refusal))
        return await self._take(withdrawal, lifecycle.transfer_reversed, made.id, succeeded=(key, made.id))

    async def keep_as_unresolved(self, withdrawal_id: UUID) -> None:
        """Say that an answer is lost, and look again later."""
        async with reading(self.engine) as connection:
            withdrawal = await store.find(connection, withdrawal_id)
        await self._take(withdrawal, lifecycle.answer_lost)
        await _try_later(self.engine, withdrawal_id, self.clock.now())

    async def _start(
        self, withdrawal: Withdrawal, rule: Rule, pending: Reason, account_id: str | None
    ) -> Withdrawal | None:
        """Take ``rule`` once the account is fit and its balance (without an id: the platform's) covers it."""
        known = await self._known_account(withdrawal)
        if await self._bank_is_new(withdrawal, known):
            return None
        if await self._must_wait(withdrawal, pending, account_id=account_id):
            return None
        # Stripe is asked last, just before the money leaves: what events tell of the account may be lost or late.
        is_fresh = account_id is not None and known.is_newer_than(self.clock.now() - _FRESH)
        if not is_fresh and await self._bank_is_new(withdrawal, await self._fresh_account(withdrawal)):
            return None
        return await self._take(withdrawal, rule)

    async def _known_account(self, withdrawal: Withdrawal) -> PayoutAccount:
        async with reading(self.engine) as connection:
            account = await payout_accounts.find(connection, withdrawal.account_id)
        assert account is not None, "a withdrawal goes to an account of ours"
        return account

    async def _fresh_account(self, withdrawal: Withdrawal) -> PayoutAccount:
        """As Stripe says it is now; a change of the bank account is kept and told."""
        fresh = await watch.ask(self.engine, self.gateway, self.clock, withdrawal.account_id)
        return fresh or await self._known_account(withdrawal)

    async def _bank_is_new(self, withdrawal: Withdrawal, account: PayoutAccount) -> bool:
        """Whether the bank account was changed just now, so that nothing goes there yet; then why is kept.

        Raises:
            AccountDisconnected: there is no bank account behind it any more.
        """
        if account.state is AccountState.DISCONNECTED:
            raise AccountDisconnected("retrieve_account")
        until, now = account.held_until(self.bank_change_wait), self.clock.now()
        if until is None or until <= now:
            return False
        await _rest(self.engine, withdrawal.id, reasons.BANK_ACCOUNT_CHANGED, until, now)
        return True

    async def _must_wait(self, withdrawal: Withdrawal, reason: Reason, *, account_id: str | None) -> bool:
        """Whether the balance at Stripe does not cover it yet; then why and until when is kept."""
        currency, now = withdrawal.amount.currency, self.clock.now()
        available = await self.gateway.retrieve_available_balance(currency, account_id=account_id)
        if available >= withdrawal.amount:
            return False
        until = withdrawal.waits_until if withdrawal.reason == reason.code else None
        if until is None or until <= now:
            pending = await self.gateway.list_pending_money(currency, account_id=account_id)
            until = available_on(withdrawal.amount - available, pending)
        await _rest(self.engine, withdrawal.id, reason, until, now)
        return True

    async def _take(
        self,
        withdrawal: Withdrawal,
        rule: Rule,
        *facts: Any,
        succeeded: tuple[str, str] | None = None,
        refused: tuple[str, Refused] | None = None,
    ) -> Withdrawal | None:
        """Commit a step and the outcome of the call behind it."""
        now, rest_seconds = self.clock.now(), _REST_SECONDS.get(rule, 0)

        async def work(connection: AsyncConnection) -> Withdrawal:
            before = await store.lock(connection, withdrawal.id)
            if succeeded is not None:
                await calls.succeeded(connection, succeeded[0], object_id=succeeded[1], now=now)
            if refused is not None:
                await calls.refused(connection, refused[0], code=refused[1].code, now=now)
            answered = succeeded or refused
            if answered is not None and answered[0] not in before.keys:
                # The answer to an attempt that is over, from a worker that was late: it says nothing of this one.
                log.warning("withdrawal.stale_answer", withdrawal_id=str(before.id), key=answered[0])
                return before
            return await store.save(connection, before, rule(before, *facts), now=now, wait_seconds=rest_seconds)

        after = await _TRANSACTIONS[rule].run(self.engine, work)
        return None if rest_seconds or after.state is withdrawal.state else after


_DEEDS: dict[WithdrawalState, Callable[[_Sender, Withdrawal], Awaitable[Withdrawal | None]]] = {
    WithdrawalState.RESERVED: _Sender.start_transfer,
    WithdrawalState.TRANSFERRING: _Sender.transfer,
    WithdrawalState.TRANSFERRED: _Sender.start_payout,
    WithdrawalState.PAYING_OUT: _Sender.pay_out,
    WithdrawalState.FAILED: _Sender.start_reversal,
    WithdrawalState.REVERSING: _Sender.reverse,
}


@in_own_transaction
async def _try_later(connection: AsyncConnection, withdrawal_id: UUID, now: datetime) -> None:
    await store.try_later(connection, await store.lock(connection, withdrawal_id), now=now)


@in_own_transaction
async def _rest(
    connection: AsyncConnection, withdrawal_id: UUID, reason: Reason, until: datetime | None, now: datetime
) -> None:
    before = await store.lock(connection, withdrawal_id)
    step = lifecycle.wait(before, reason, until)
    if step.withdrawal.reason == reason.code:  # else somebody has gone on with it meanwhile
        await store.rest(connection, before, step, now=now)
