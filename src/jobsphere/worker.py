"""The background loops: whatever was committed as "to be done" is done here, by any number of processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import DatabaseTransaction, in_own_transaction, listening
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
from jobsphere.webhooks.tables import EVENTS_STORED
from jobsphere.withdrawals import send as withdrawals_send
from jobsphere.withdrawals import store as withdrawals_store
from jobsphere.withdrawals.ask import watch_paid

BATCH_SIZE = 20
# A claimed deposit or withdrawal is free for others after this; longer than its calls to Stripe take.
LEASE_SECONDS = 30
REMINDERS_SECONDS = 60
HOUSEKEEPING_SECONDS = 60 * 60
# One decides in Python what is next while PostgreSQL stores what the other decided.
SETTLING_LOOPS = 2

log = logger(__name__)

# Does what is due, and says how much it found: as long as there is some, it is called again at once.
Round = Callable[[], Awaitable[int]]
# Does what is to be done about one row.
Do = Callable[[AsyncEngine, StripeGateway, Clock, UUID], Awaitable[object]]


class ClaimDue(Protocol):
    """Takes the rows of a table that are due, for so long."""

    async def __call__(
        self, connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
    ) -> Sequence[UUID]: ...


@dataclass(frozen=True, slots=True)
class _Errand:
    """Rows that something is to be done about at Stripe, each by itself."""

    name: str
    claiming: DatabaseTransaction
    claim_due: ClaimDue
    do: Do


@dataclass(frozen=True, slots=True)
class _Loop:
    """One kind of work, looked for every ``poll_seconds``, and at once after a ``wake``."""

    name: str
    round: Round
    poll_seconds: float
    is_woken: bool = True
    bell: asyncio.Event = field(default_factory=asyncio.Event)


_ERRANDS = (
    _Errand("deposits", DatabaseTransaction("worker.due_deposits"), deposits_store.claim_due, deposits_send.send),
    _Errand("cards", DatabaseTransaction("worker.due_cards"), remove_card.claim_due, remove_card.remove),
    _Errand("fees", DatabaseTransaction("worker.due_fees"), book_fee.claim_due, book_fee.book_fee),
    _Errand("refunds", DatabaseTransaction("worker.due_refunds"), refunds_store.claim_due, refunds_send.send),
    _Errand("dispute answers", DatabaseTransaction("worker.due_answers"), answer.claim_due, answer.send),
)
_WITHDRAWALS_DUE = DatabaseTransaction("worker.due_withdrawals")


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
        self._stopping = False
        self._heard_last = asyncio.Event()
        send = partial(withdrawals_send.send, bank_change_wait=bank_change_wait)
        withdrawals = _Errand("withdrawals", _WITHDRAWALS_DUE, withdrawals_store.claim_due, send)
        self._inbox = self._inbox_loops(poll_seconds)
        self._loops = (
            *self._inbox,
            _Loop("listening", self._listen, poll_seconds, is_woken=False, bell=self._heard_last),
            *(_Loop(one.name, partial(self._run_errands, one), poll_seconds) for one in (*_ERRANDS, withdrawals)),
            _Loop("reminders", self._reminders, REMINDERS_SECONDS, is_woken=False),
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

    def _inbox_loops(self, poll_seconds: float) -> Sequence[_Loop]:
        inbox = Processing(self.engine, self.gateway, self.clock, self.ids, self.shortfall)
        settling = _Loop("webhooks", partial(self._events, inbox.settle), poll_seconds)
        return (
            *(replace(settling, bell=asyncio.Event()) for _ in range(SETTLING_LOOPS)),
            _Loop("webhooks to ask about", partial(self._events, inbox.ask), poll_seconds),
            _Loop("webhooks left over", partial(self._events, inbox.retry_left_over), poll_seconds),
        )

    async def _events(self, round_: Round) -> int:
        found = await round_()
        if found:
            # An event may leave something to send, such as the reversal of a failed payout.
            self.wake()
        return found

    async def _listen(self) -> int:
        """Hear of events that are stored, by whichever process; while nobody hears, they are polled for."""
        async with listening(self.engine, EVENTS_STORED, heard=self._ring_inbox, lost=self._heard_last.set):
            self._ring_inbox()
            await self._heard_last.wait()
        return 0

    def _ring_inbox(self) -> None:
        for loop in self._inbox:
            loop.bell.set()

    async def _run_errands(self, errand: _Errand) -> int:
        """Do all that are due at once; one that fails keeps no other from its end, its lease brings it back."""
        now = self.clock.now()
        due = await errand.claiming.run(
            self.engine,
            lambda connection: errand.claim_due(
                connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE
            ),
        )
        deeds = (errand.do(self.engine, self.gateway, self.clock, id_) for id_ in due)
        for outcome in await asyncio.gather(*deeds, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("worker.deed_failed", loop=errand.name, exception=trace(outcome))
        return len(due)

    def _healing(self, how: CatchUp, poll_seconds: float) -> Sequence[_Loop]:
        return (
            _Loop("catch_up", partial(self._catch_up, how), 4 * poll_seconds, is_woken=False),
            _Loop("obligations", self._look_after, 60 * poll_seconds, is_woken=False),
        )

    async def _catch_up(self, how: CatchUp) -> int:
        return await catch_up(self.engine, self.gateway, self.clock, how)

    async def _look_after(self) -> int:
        return await look_after(self.engine, self.gateway, self.clock, self.ids, self.shortfall)

    async def _reminders(self) -> int:
        await remind_due(self.engine, now=self.clock.now())
        await _tell_ended_freezes(self.engine, self.clock.now())
        return 0

    async def _offers(self) -> int:
        return await expire_due(self.engine, ids=self.ids, now=self.clock.now(), limit=BATCH_SIZE)

    async def _paid_withdrawals(self) -> int:
        return await watch_paid(self.engine, self.gateway, self.clock)

    async def _housekeeping(self) -> int:
        await _forget_old_answers(self.engine, self.clock.now())
        return 0


@in_own_transaction
async def _tell_ended_freezes(connection: AsyncConnection, now: datetime) -> None:
    await freezes.tell_ended(connection, now=now)


@in_own_transaction
async def _forget_old_answers(connection: AsyncConnection, now: datetime) -> int:
    return await delete_expired(connection, now)
