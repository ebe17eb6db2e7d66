"""The world of a scenario: JobSphere, its worker and the sandbox on one clock, with webhooks as told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

from jobsphere.clock import TimeOrderedIds
from jobsphere.reconciliation.look_after import look_after
from jobsphere.webhooks.catch_up import CatchUp, catch_up
from stripe_sandbox.control import DeliveryFaultFields, FaultFields
from stripe_sandbox.webhooks import delivery as sandbox_delivery
from tests.chaos.plan import Delivery, Group
from tests.journeys.conftest import JobSphere

if TYPE_CHECKING:
    from tests.chaos.plays import Play

ROUNDS_MAX = 24
FAULTY_ROUNDS = 2
# No answer within this is no answer; a request that hangs does so for longer.
TIMEOUT_SECONDS = 2.0
HANGS_SECONDS = 3.0
DISPUTES_DUE_SECONDS = 90 * 24 * 3600
TICK_WALL_SECONDS = 0.1
# Whoever passes time wakes the worker, so it need not look often by itself.
POLL_SECONDS = 0.5
OFTEN = CatchUp(livemode=False, seconds=10, account_seconds=10)


class NotReached(AssertionError):
    """A scenario did not come to where it must end."""


@dataclass(slots=True)
class World:
    """Moves time and webhooks; counts what was done to the world."""

    jobsphere: JobSphere
    counts: Counter[str] = field(default_factory=Counter)
    # Everything that was played in it, the last group at the end.
    plays: list["Play"] = field(default_factory=list)

    async def pass_time(self, seconds: float) -> None:
        """For Stripe and for us alike."""
        self.jobsphere.clock.advance(seconds=seconds)
        await self.jobsphere.sandbox.advance(seconds=seconds)
        self.jobsphere.worker.wake()

    @asynccontextmanager
    async def ticking(self) -> AsyncIterator[None]:
        """Time goes on quickly while people act, so that what is tried again is tried soon."""

        async def tick() -> None:
            while True:
                await asyncio.sleep(TICK_WALL_SECONDS)
                await self.pass_time(3)

        ticker = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker

    async def hold_webhooks(self, group: Group) -> None:
        """From now on webhooks meet the group's fate."""
        mode = {Delivery.ALL: "deliver", Delivery.NONE: "drop"}.get(group.delivery, "hold")
        await self.jobsphere.sandbox.set_delivery_mode(mode)  # type: ignore[arg-type]

    async def plan_faults(self, group: Group, step: int) -> None:
        """From now on Stripe and its webhooks fail as likely as the group says; the seed and the step say when."""
        requests: list[FaultFields] = [
            {"kind": kind, "probability": likely, "seconds": HANGS_SECONDS}
            for kind, likely in group.faults.items()
        ]
        deliveries: list[DeliveryFaultFields] = [
            {"kind": kind, "probability": likely} for kind, likely in group.delivery_faults.items()
        ]
        await self.jobsphere.sandbox.plan_faults(*requests, deliveries=deliveries, seed=group.seed + step)

    async def end_faults(self) -> None:
        """Let Stripe work again; what it did is counted."""
        struck = await self.jobsphere.sandbox.faults()
        for of, name in (("requests", "fault"), ("deliveries", "webhook")):
            for rule in struck[of]:
                self.counts[f"{name} {rule['kind']}"] += rule["struck"]
        await self.jobsphere.sandbox.clear_faults()

    async def moment(self) -> None:
        """A moment of wall time, for whoever looks again and again."""
        await asyncio.sleep(2 * TICK_WALL_SECONDS)

    async def settle(
        self, group: Group, missing: Callable[[], Awaitable[list[str]]], *, rounds_max: int = ROUNDS_MAX
    ) -> None:
        """Let time and webhooks go on until ``missing`` names nothing that is still to come.

        Faults go on as well, for the first rounds: what asks Stripe again meets them, too.

        Raises:
            NotReached: it never does.
        """
        left: list[str] = []
        for round_ in range(rounds_max):
            if round_ == FAULTY_ROUNDS:
                await self.end_faults()
            await self._deliver(group, round_)
            await self._idle()
            left = await missing()
            if not left:
                await self.end_faults()
                return
            await self.pass_time(min(600 * 2 ** (round_ // 2), 12 * 3600))
            if group.delivery in (Delivery.NONE, Delivery.BY_CHANCE):
                await self._heal()
        raise NotReached("; ".join(left))

    async def _deliver(self, group: Group, round_: int) -> None:
        sandbox = self.jobsphere.sandbox
        match group.delivery:
            case Delivery.FIVE_TIMES:
                self.counts["webhook copies"] += await self._copies(4)
                await sandbox.release()
            case Delivery.SHUFFLED:
                self.counts["webhook copies"] += await self._copies(1)
                await sandbox.release(shuffled_by=group.seed + round_)
            case Delivery.WEEK_LATE:
                await sandbox.release()
            case _:
                pass
        await sandbox.drain()

    async def _copies(self, times: int) -> int:
        held = [one["id"] for one in await self.jobsphere.sandbox.deliveries() if one["state"] == "held"]
        for id_ in held:
            for _ in range(times):
                await self.jobsphere.sandbox.duplicate(delivery=id_)
        return times * len(held)

    async def _heal(self) -> None:
        parts = (self.jobsphere.engine, self.jobsphere.gateway, self.jobsphere.clock)
        await catch_up(*parts, OFTEN)
        self.counts["asked about"] += await look_after(*parts, TimeOrderedIds())
        self.jobsphere.worker.wake()

    async def _idle(self) -> None:
        """Give the worker the time it needs for what is due now."""
        await asyncio.sleep(0.25)


@asynccontextmanager
async def on_one_clock(jobsphere: JobSphere) -> AsyncIterator[World]:
    """The sandbox signs by wall time; here it signs by the clock that JobSphere reads, which is ahead of it."""
    by_our_clock = SimpleNamespace(time=lambda: jobsphere.clock.now().timestamp())
    with mock.patch.object(sandbox_delivery, "time", by_our_clock):
        # Nobody answers disputes here, however late their events come.
        await jobsphere.sandbox.change_settings(dispute_due_after_seconds=DISPUTES_DUE_SECONDS)
        yield World(jobsphere)
