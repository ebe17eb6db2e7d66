"""Play a plan, prove the books of every scenario, and compare them with those of its calm run."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from jobsphere.database import reading
from jobsphere.deposits.tables import charge_fees
from jobsphere.webhooks.tables import webhook_events
from tests.chaos.books import Books, books_of, breaches, seen_by
from tests.chaos.plan import Delivery, Group, Scenario
from tests.chaos.plays import Play
from tests.chaos.scenarios import STEPS, start
from tests.chaos.world import NotReached, World, on_one_clock
from tests.journeys.conftest import JobSphere

STARTING_AT_ONCE = 4


@dataclass(slots=True)
class Report:
    """What was injected and reached. ``ends``: the books of each scenario under each fate, by its number."""

    counts: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    played: int = 0
    failures: list[str] = field(default_factory=list)
    ends: dict[int, dict[Delivery, Books]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, other: "Report") -> None:
        """Take in what another process played."""
        self.counts += other.counts
        self.reached += other.reached
        self.played += other.played
        self.failures += other.failures
        for number, ends in other.ends.items():
            self.ends[number] |= ends

    def differences(self) -> list[str]:
        """Scenarios that did not come to the same as in their calm run."""
        return [
            f"scenario {number}, {delivery.value}: {difference}"
            for number, ends in self.ends.items()
            for delivery, end in ends.items()
            if Delivery.ALL in ends
            for difference in end.differences(ends[Delivery.ALL])
        ]


async def play_all(
    jobsphere: JobSphere, groups: Sequence[Group], *, say: Callable[[str], None], failures_max: int = 5
) -> Report:
    """Play every group; stop when ``failures_max`` scenarios or groups failed."""
    report = Report()
    async with on_one_clock(jobsphere) as world:
        world.counts = report.counts
        for group in groups:
            await play_group(world, group, report)
            say(f"{report.played} scenarios played, {len(report.failures)} failed")
            if len(report.failures) >= failures_max:
                break
    report.failures += report.differences()
    return report


async def play_group(world: World, group: Group, report: Report) -> None:
    """Play a group; whatever a planted or a real bug raises, the report names it."""
    try:
        await _play(world, group, report)
    except Exception as error:
        where = f"group {group.number} ({group.delivery.value})"
        report.failures.append(f"{where}: {type(error).__name__} {error}")


async def _play(world: World, group: Group, report: Report) -> None:
    await world.jobsphere.sandbox.set_delivery_mode("deliver")
    plays = await _begun(world, group.scenarios)
    world.plays += plays
    await world.hold_webhooks(group)
    for number in range(max(len(STEPS[one.scenario.kind]) for one in plays)):
        await _step(world, group, [one for one in plays if number < len(STEPS[one.scenario.kind])], number)
    await _end(world, group)
    books, _ = await books_of(world.jobsphere, world.plays)
    for play, end in list(zip(world.plays, books, strict=True))[-len(plays) :]:
        end.seen = await seen_by(play)
        report.played += 1
        report.reached[play.scenario.kind.value] += 1
        report.counts[f"webhooks {group.delivery.value}"] += 1
        report.ends[play.scenario.number][group.delivery] = end


async def _begun(world: World, scenarios: Sequence[Scenario]) -> list[Play]:
    """Few at once: these people do not ask again when the machine is busy."""
    turns = asyncio.Semaphore(STARTING_AT_ONCE)

    async def begin(scenario: Scenario) -> Play:
        async with turns:
            return await start(world, scenario)

    return await asyncio.gather(*(begin(scenario) for scenario in scenarios))


async def _step(world: World, group: Group, plays: Sequence[Play], number: int) -> None:
    await world.plan_faults(group, number)
    async with world.ticking():
        await _all(STEPS[one.scenario.kind][number][0](one) for one in plays)

    async def missing() -> list[str]:
        there = await asyncio.gather(*(STEPS[one.scenario.kind][number][1](one) for one in plays))
        far = [one.scenario for one, is_so in zip(plays, there, strict=True) if not is_so]
        return [_named(one, number) for one in far] + await _waiting(world.jobsphere)

    if group.delivery is Delivery.WEEK_LATE:
        await world.pass_time(7 * 24 * 3600)
    await world.settle(group, missing)


def _named(scenario: Scenario, number: int) -> str:
    return f"{scenario} does not come to the end of step {number + 1}"


async def _all(acts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do them all at once, each to its end.

    Raises:
        Exception: what the first that failed raised.
    """
    for outcome in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _waiting(jobsphere: JobSphere) -> list[str]:
    """What must be over before anything is judged: events to process, fees to book."""
    async with reading(jobsphere.engine) as connection:
        count = select(func.count())
        new = await connection.scalar(count.where(webhook_events.c.status == "new"))
        fees = await connection.scalar(count.where(charge_fees.c.state == "pending"))
    return ([f"{new} events unprocessed"] if new else []) + ([f"{fees} fees unknown"] if fees else [])


async def _end(world: World, group: Group) -> None:
    """Once whatever may still come has come, every law holds.

    Among them: ``stripe:balance`` is what Stripe's own books have, of each scenario and of all, to the cent.
    """
    await world.pass_time(8 * 24 * 3600)

    async def wrong() -> list[str]:
        return await _waiting(world.jobsphere) or await breaches(world.jobsphere, world.plays)

    try:
        await world.settle(group, wrong, rounds_max=12)
    except NotReached as error:
        raise NotReached(f"the books are wrong: {error}") from None
