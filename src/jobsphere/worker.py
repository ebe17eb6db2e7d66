"""The background loops: whatever was committed as "to be done" is done here, by any number of processes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction
from jobsphere.deposits import book_fee, remove_card
from jobsphere.deposits import send as deposits_send
from jobsphere.deposits import store as deposits_store
from jobsphere.disputes import answer
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.disputes.remind import remind_due
from jobsphere.idempotency.keys import delete_expired
from jobsphere.marketplace.expire import expire_due
from jobsphere.observability import logger
from jobsphere.reconciliation.look_after import look_after
from jobsphere.refunds import send as refunds_send
from jobsphere.refunds import store as refunds_store
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.traces import trace
from jobsphere.wallets import freezes
from jobsphere.webhooks.catch_up import CatchUp, catch_up
from jobsphere.webhooks.process import Processing
from jobsphere.withdrawals import send as withdrawals_send
from jobsphere.withdrawals import store as withdrawals_store
from jobsphere.withdrawals.ask import watch_paid

BATCH_SIZE = 20
# A claimed deposit or withdrawal is free for others after this; longer than its calls to Stripe take.
LEASE_SECONDS = 30
REMINDERS_SECONDS = 60
HOUSEKEEPING_SECONDS = 60 * 60

log = logger(__name__)

# Does what is due, and says how much it found: as long as there is some, it is called again at once.
Round = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Loop:
    """One kind of work, looked for every ``poll_seconds``, and at once after a ``wake``."""

    name: str
    round: Round
    poll_seconds: float
    is_woken: bool = True
    bell: asyncio.Event = field(default_factory=asyncio.Event)


class Worker:
    """Runs every loop until it is stopped. ``wake`` tells it that there is work, so that none waits for a poll."""

    def __init__(
        self,
        engine: AsyncEngine,
        gateway: StripeGateway,
        clock: Clock,
        ids: Ids,
        *,
        poll_seconds: float = 0.5,
        shortfall: Shortfall = Shortfall.DEBT,
        heals: CatchUp | None = None,
        bank_change_wait: timedelta = withdrawals_send.BANK_CHANGE_WAIT,
    ) -> None:
        """With ``heals`` it also reads the events that never came, and asks about what waits for long."""
        self.engine = engine
        self.gateway = gateway
        self.clock = clock
        self.ids = ids
        self.shortfall = shortfall
        self.bank_change_wait = bank_change_wait
        self._stopping = False
        processing = Processing(engine, gateway, clock, ids, shortfall)
        self._loops = (
            _Loop("webhooks", partial(self._webhooks, processing.settle), poll_seconds),
            _Loop("webhooks to ask about", partial(self._webhooks, processing.ask), poll_seconds),
            _Loop("webhooks left over", partial(self._webhooks, processing.retry_left_over), poll_seconds),
            _Loop("deposits", self._deposits, poll_seconds),
            _Loop("cards", self._cards, poll_seconds),
            _Loop("fees", self._fees, poll_seconds),
            _Loop("refunds", self._refunds, poll_seconds),
            _Loop("dispute answers", self._dispute_answers, poll_seconds),
            _Loop("reminders", self._reminders, REMINDERS_SECONDS, is_woken=False),
            _Loop("withdrawals", self._withdrawals, poll_seconds),
            _Loop("offers", self._offers, 10 * poll_seconds, is_woken=False),
            _Loop("paid withdrawals", self._paid_withdrawals, HOUSEKEEPING_SECONDS, is_woken=False),
            _Loop("housekeeping", self._housekeeping, HOUSEKEEPING_SECONDS, is_woken=False),
            *(self._healing(heals, poll_seconds) if heals else ()),
        )

    async def run(self) -> None:
        """Run until ``stop``; what is under way is finished first."""
        await asyncio.gather(*(self._run(loop) for loop in self._loops))

    def wake(self) -> None:
        """There is something to do."""
        for loop in self._loops:
            if loop.is_woken:
                loop.bell.set()

    def stop(self) -> None:
        """End each loop after its present round."""
        self._stopping = True
        for loop in self._loops:
            loop.bell.set()

    async def _run(self, loop: _Loop) -> None:
        while not self._stopping:
            loop.bell.clear()
            try:
                found = await loop.round()
            except Exception as error:  # the outermost loop: an outage of the database must not end it
                log.error("worker.round_failed", loop=loop.name, exception=trace(error))
                found = 0
            if not found and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(loop.bell.wait(), loop.poll_seconds)

    async def _webhooks(self, round_: Round) -> int:
        found = await round_()
        if found:
            # An event may leave something to send, such as the reversal of a failed payout.
            self.wake()
        return found

    def _healing(self, how: CatchUp, poll_seconds: float) -> Sequence[_Loop]:
        return (
            _Loop("catch_up", partial(self._catch_up, how), 4 * poll_seconds, is_woken=False),
            _Loop("obligations", self._look_after, 60 * poll_seconds, is_woken=False),
        )

    async def _catch_up(self, how: CatchUp) -> int:
        return await catch_up(self.engine, self.gateway, self.clock, how)

    async def _look_after(self) -> int:
        return await look_after(self.engine, self.gateway, self.clock, self.ids, self.shortfall)

    async def _deposits(self) -> int:
        due = await _due_deposits(self.engine, self.clock.now())
        deeds = (deposits_send.send(self.engine, self.gateway, self.clock, id_) for id_ in due)
        await _each("deposits", deeds)
        return len(due)

    async def _cards(self) -> int:
        due = await _due_cards(self.engine, self.clock.now())
        await _each("cards", (remove_card.remove(self.engine, self.gateway, self.clock, id_) for id_ in due))
        return len(due)

    async def _fees(self) -> int:
        due = await _due_fees(self.engine, self.clock.now())
        await _each("fees", (book_fee.book_fee(self.engine, self.gateway, self.clock, id_) for id_ in due))
        return len(due)

    async def _refunds(self) -> int:
        due = await _due_refunds(self.engine, self.clock.now())
        await _each("refunds", (refunds_send.send(self.engine, self.gateway, self.clock, id_) for id_ in due))
        return len(due)

    async def _dispute_answers(self) -> int:
        due = await _due_answers(self.engine, self.clock.now())
        deeds = (answer.send(self.engine, self.gateway, self.clock, id_) for id_ in due)
        await _each("dispute answers", deeds)
        return len(due)

    async def _reminders(self) -> int:
        await remind_due(self.engine, now=self.clock.now())
        await _tell_ended_freezes(self.engine, self.clock.now())
        return 0

    async def _withdrawals(self) -> int:
        due = await _due_withdrawals(self.engine, self.clock.now())
        await _each(
            "withdrawals",
            (
                withdrawals_send.send(
                    self.engine, self.gateway, self.clock, id_, bank_change_wait=self.bank_change_wait
                )
                for id_ in due
            ),
        )
        return len(due)

    async def _offers(self) -> int:
        return await expire_due(self.engine, ids=self.ids, now=self.clock.now(), limit=BATCH_SIZE)

    async def _paid_withdrawals(self) -> int:
        return await watch_paid(self.engine, self.gateway, self.clock)

    async def _housekeeping(self) -> int:
        await _forget_old_answers(self.engine, self.clock.now())
        return 0


async def _each(loop: str, deeds: Iterable[Awaitable[object]]) -> None:
    """Do all of them at once; one that fails keeps no other from its end, and its lease brings it back."""
    for outcome in await asyncio.gather(*deeds, return_exceptions=True):
        if isinstance(outcome, Exception):
            log.error("worker.deed_failed", loop=loop, exception=trace(outcome))


@in_own_transaction
async def _due_deposits(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(await deposits_store.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE))


@in_own_transaction
async def _due_cards(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(await remove_card.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE))


@in_own_transaction
async def _due_fees(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(await book_fee.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE))


@in_own_transaction
async def _due_refunds(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(await refunds_store.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE))


@in_own_transaction
async def _due_answers(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(await answer.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE))


@in_own_transaction
async def _due_withdrawals(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(
        await withdrawals_store.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE)
    )


@in_own_transaction
async def _tell_ended_freezes(connection: AsyncConnection, now: datetime) -> None:
    await freezes.tell_ended(connection, now=now)


@in_own_transaction
async def _forget_old_answers(connection: AsyncConnection, now: datetime) -> int:
    return await delete_expired(connection, now)
