"""The background loops: whatever was committed as "to be done" is done here, by any number of processes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.database import in_own_transaction
from jobsphere.deposits import send as deposits_send
from jobsphere.deposits import store as deposits_store
from jobsphere.marketplace.expire import expire_due
from jobsphere.observability import logger
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.traces import trace
from jobsphere.webhooks.process import process_due
from jobsphere.withdrawals import send as withdrawals_send
from jobsphere.withdrawals import store as withdrawals_store

BATCH_SIZE = 20
# A claimed deposit or withdrawal is free for others after this; longer than its calls to Stripe take.
LEASE_SECONDS = 30

log = logger(__name__)

# Does what is due, and says how much it found: as long as there is some, it is called again at once.
Round = Callable[[], Awaitable[int]]


@dataclass(slots=True)
class Worker:
    """Runs every loop until it is stopped. ``wake`` tells it that there is work, so that none waits for a poll."""

    engine: AsyncEngine
    gateway: StripeGateway
    clock: Clock
    ids: Ids
    poll_seconds: float = 0.5
    _wakes: list[asyncio.Event] = field(default_factory=list)
    _stopping: bool = False

    async def run(self) -> None:
        """Run until ``stop``; what is under way is finished first."""
        rounds: dict[str, tuple[Round, float]] = {
            "webhooks": (self._webhooks, self.poll_seconds),
            "deposits": (self._deposits, self.poll_seconds),
            "withdrawals": (self._withdrawals, self.poll_seconds),
            "offers": (self._offers, 10 * self.poll_seconds),
        }
        await asyncio.gather(*(self._loop(name, *round_) for name, round_ in rounds.items()))

    def wake(self) -> None:
        """There is something to do."""
        for event in self._wakes:
            event.set()

    def stop(self) -> None:
        """End each loop after its present round."""
        self._stopping = True
        self.wake()

    async def _loop(self, name: str, round_: Round, poll_seconds: float) -> None:
        wake = asyncio.Event()
        self._wakes.append(wake)
        while not self._stopping:
            wake.clear()
            try:
                found = await round_()
            except Exception as error:  # the outermost loop: an outage of the database must not end it
                log.error("worker.round_failed", loop=name, exception=trace(error))
                found = 0
            if not found and not self._stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), poll_seconds)

    async def _webhooks(self) -> int:
        found = await process_due(self.engine, self.gateway, self.clock, self.ids)
        if found:
            self.wake()
        return found

    async def _deposits(self) -> int:
        due = await _due_deposits(self.engine, self.clock.now())
        await asyncio.gather(*(self._deposit(deposit_id) for deposit_id in due))
        return len(due)

    async def _deposit(self, deposit_id: UUID) -> None:
        await deposits_send.send(self.engine, self.gateway, self.clock, deposit_id)

    async def _withdrawals(self) -> int:
        due = await _due_withdrawals(self.engine, self.clock.now())
        await asyncio.gather(*(self._withdrawal(withdrawal_id) for withdrawal_id in due))
        return len(due)

    async def _withdrawal(self, withdrawal_id: UUID) -> None:
        await withdrawals_send.send(self.engine, self.gateway, self.clock, withdrawal_id)

    async def _offers(self) -> int:
        return await expire_due(self.engine, ids=self.ids, now=self.clock.now(), limit=BATCH_SIZE)


@in_own_transaction
async def _due_deposits(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(await deposits_store.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE))


@in_own_transaction
async def _due_withdrawals(connection: AsyncConnection, now: datetime) -> list[UUID]:
    return list(
        await withdrawals_store.claim_due(connection, now=now, lease_seconds=LEASE_SECONDS, limit=BATCH_SIZE)
    )
