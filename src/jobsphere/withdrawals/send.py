"""Take a withdrawal to the bank: transfer, then payout; or back to the wallet if the bank refuses.

The worker calls it. Each call repeats its stored key until Stripe answers, so it may be run again at
any time, by anybody; ``stripe_gateway/once.py`` sees to it that it happens once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import DatabaseTransaction, in_own_transaction, reading
from jobsphere.observability import logger
from jobsphere.payout_accounts import store as payout_accounts
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeLost, OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import Payout, Reversal, Transfer
from jobsphere.stripe_gateway.once import Once
from jobsphere.withdrawals import lifecycle, reasons, store
from jobsphere.withdrawals.expected import available_on
from jobsphere.withdrawals.reasons import Reason
from jobsphere.withdrawals.withdrawal import Step, Withdrawal, WithdrawalState

log = logger(__name__)

# After another bank account was entered nothing goes there for so long, unless the settings say otherwise.
BANK_CHANGE_WAIT = timedelta(hours=24)
_INSUFFICIENT = "balance_insufficient"

Rule = Callable[..., Step]
_RULES: tuple[Rule, ...] = (
    lifecycle.answer_lost,
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
    lifecycle.transfer_reversed,
)
_RESTING = (lifecycle.transfer_must_wait, lifecycle.payout_must_wait, lifecycle.reversal_must_wait)
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
            withdrawal = await _DEEDS[withdrawal.doing](sender, withdrawal)
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

    async def start_transfer(self, withdrawal: Withdrawal) -> Withdrawal | None:
        if await self._bank_is_new(withdrawal):
            return None
        if await self._must_wait(withdrawal, reasons.PLATFORM_FUNDS_PENDING, account_id=None):
            return None
        return await self._take(withdrawal, lifecycle.begin_transfer)

    async def transfer(self, withdrawal: Withdrawal) -> Withdrawal | None:
        key = withdrawal.transfer_key
        try:
            made = await once.send(self.engine, self.clock, self._transfer_of(withdrawal))
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
        if await self._bank_is_new(withdrawal):
            return None
        if await self._must_wait(withdrawal, reasons.ACCOUNT_FUNDS_PENDING, account_id=withdrawal.account_id):
            return None
        return await self._take(withdrawal, lifecycle.begin_payout)

    async def pay_out(self, withdrawal: Withdrawal) -> Withdrawal | None:
        key = withdrawal.payout_key
        try:
            made = await once.send(self.engine, self.clock, self._payout_of(withdrawal))
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
            made = await once.send(self.engine, self.clock, self._reversal_of(withdrawal, transfer_id))
        except Refused as refusal:
            # Somebody may have reversed it in Stripe's dashboard: then there is nothing left to reverse.
            done = await self.gateway.find_reversal(transfer_id, amount=withdrawal.amount)
            if done is not None:
                return await self._take(withdrawal, lifecycle.transfer_reversed, done.id, refused=(key, refusal))
            log.error("withdrawal.reversal_refused", withdrawal_id=str(withdrawal.id), code=refusal.code)
            return await self._take(withdrawal, lifecycle.reversal_must_wait, refused=(key, refusal))
        return await self._take(withdrawal, lifecycle.transfer_reversed, made.id, succeeded=(key, made.id))

    async def keep_as_unresolved(self, withdrawal_id: UUID) -> None:
        """Say that an answer is lost, and look again later."""
        async with reading(self.engine) as connection:
            withdrawal = await store.find(connection, withdrawal_id)
        await self._take(withdrawal, lifecycle.answer_lost)
        await _try_later(self.engine, withdrawal_id, self.clock.now())

    async def _bank_is_new(self, withdrawal: Withdrawal) -> bool:
        """Whether the bank account was changed just now, so that nothing goes there yet; then why is kept."""
        now = self.clock.now()
        async with reading(self.engine) as connection:
            account = await payout_accounts.find(connection, withdrawal.account_id)
        until = account.held_until(self.bank_change_wait) if account else None
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

    def _transfer_of(self, withdrawal: Withdrawal) -> Once[Transfer]:
        create = partial(
            self.gateway.create_transfer,
            amount=withdrawal.amount,
            account_id=withdrawal.account_id,
            withdrawal_id=withdrawal.id,
            key=withdrawal.transfer_key,
        )
        return Once(withdrawal.transfer_key, create, lambda _: self.gateway.find_transfer(withdrawal.id))

    def _payout_of(self, withdrawal: Withdrawal) -> Once[Payout]:
        named: dict[str, Any] = {
            "account_id": withdrawal.account_id,
            "withdrawal_id": withdrawal.id,
            "attempt": withdrawal.payout_attempt,
        }
        return Once(
            withdrawal.payout_key,
            lambda: self.gateway.create_payout(amount=withdrawal.amount, key=withdrawal.payout_key, **named),
            lambda since: self.gateway.find_payout(created_from=since, **named),
        )

    def _reversal_of(self, withdrawal: Withdrawal, transfer_id: str) -> Once[Reversal]:
        amount, key = withdrawal.amount, withdrawal.reversal_key
        return Once(
            key,
            lambda: self.gateway.reverse_transfer(transfer_id, amount=amount, key=key),
            lambda _: self.gateway.find_reversal(transfer_id, amount=amount),
        )

    async def _take(
        self,
        withdrawal: Withdrawal,
        rule: Rule,
        *facts: Any,
        succeeded: tuple[str, str] | None = None,
        refused: tuple[str, Refused] | None = None,
    ) -> Withdrawal | None:
        """Commit a step and the outcome of the call behind it."""
        now = self.clock.now()
        rests = rule in _RESTING

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
            wait_seconds = store.WAIT_SECONDS if rests else 0
            return await store.save(connection, before, rule(before, *facts), now=now, wait_seconds=wait_seconds)

        after = await _TRANSACTIONS[rule].run(self.engine, work)
        return None if rests or after.state is withdrawal.state else after


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
