"""Play a plan, prove the books after every group, and compare what each scenario came to under every fate."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from jobsphere.database import reading
from jobsphere.deposits.tables import charge_fees
from jobsphere.ledger.accounts import stripe_balance
from jobsphere.reconciliation.audit import prove
from jobsphere.webhooks.tables import webhook_events
from tests.chaos.plan import Delivery, Group
from tests.chaos.scenarios import STEPS, Play, books_of, start
from tests.chaos.world import NotReached, World, on_one_clock
from tests.journeys.conftest import JobSphere


@dataclass(slots=True)
class Report:
    """What was injected and reached."""

    counts: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    played: int = 0
    failures: list[str] = field(default_factory=list)
    ends: dict[int, dict[Delivery, Any]] = field(default_factory=lambda: defaultdict(dict))

    def differences(self) -> list[str]:
        """Scenarios that did not come to the same under every fate of the webhooks."""
        return [
            f"scenario {number}: {delivery.value} ends with {end}, all with {ends[Delivery.ALL]}"
            for number, ends in self.ends.items()
            for delivery, end in ends.items()
            if Delivery.ALL in ends and end != ends[Delivery.ALL]
        ]


async def play_all(
    jobsphere: JobSphere, groups: Sequence[Group], *, say: Callable[[str], None], failures_max: int = 5
) -> Report:
    """Play every group; stop when ``failures_max`` of them failed."""
    report = Report()
    async with on_one_clock(jobsphere) as world:
        world.counts = report.counts
        for group in groups:
            try:
                await _play(world, group, report)
            except Exception as error:  # whatever a planted or a real bug raises, the run says it
                report.failures.append(
                    f"group {group.number} ({group.delivery.value}): {type(error).__name__} {error}"
                )
                say(report.failures[-1])
                if len(report.failures) >= failures_max:
                    break
            say(f"{report.played} scenarios played, {len(report.failures)} groups failed")
    report.failures += report.differences()
    return report


async def _play(world: World, group: Group, report: Report) -> None:
    await world.jobsphere.sandbox.set_delivery_mode("deliver")
    plays = await asyncio.gather(*(start(world, scenario) for scenario in group.scenarios))
    await world.hold_webhooks(group)
    for number in range(max(len(STEPS[one.scenario.kind]) for one in plays)):
        await _step(world, group, [one for one in plays if number < len(STEPS[one.scenario.kind])], number)
    await _books_are_right(world, group)
    for play in plays:
        report.played += 1
        report.reached[f"{play.scenario.kind.value}"] += 1
        report.counts[f"webhooks {group.delivery.value}"] += 1
        report.ends[play.scenario.number][group.delivery] = await books_of(play)


async def _step(world: World, group: Group, plays: Sequence[Play], number: int) -> None:
    await world.plan_faults(group)
    try:
        async with world.ticking():
            await asyncio.gather(*(STEPS[one.scenario.kind][number][0](one) for one in plays))
    finally:
        await world.end_faults()

    async def missing() -> list[str]:
        there = await asyncio.gather(*(STEPS[one.scenario.kind][number][1](one) for one in plays))
        return [
            f"{one.scenario} step {number + 1}" for one, is_so in zip(plays, there, strict=True) if not is_so
        ] + await _waiting(world.jobsphere)

    if group.delivery is Delivery.WEEK_LATE:
        await world.pass_time(7 * 24 * 3600)
    await world.settle(group, missing)


async def _waiting(jobsphere: JobSphere) -> list[str]:
    """What must be over before anything is judged: events to process, fees to book."""
    async with reading(jobsphere.engine) as connection:
        count = select(func.count())
        new = await connection.scalar(count.where(webhook_events.c.status == "new"))
        fees = await connection.scalar(count.where(charge_fees.c.state == "pending"))
    return ([f"{new} events unprocessed"] if new else []) + ([f"{fees} fees unknown"] if fees else [])


async def _books_are_right(world: World, group: Group) -> None:
    """``jobsphere check`` holds, and ``stripe:balance`` is what Stripe's own books have, to the cent."""
    jobsphere = world.jobsphere

    async def wrong() -> list[str]:
        books = await jobsphere.sandbox.books()
        at_stripe = sum(
            line["available"] + line["pending"]
            for line in books["accounts"]
            if "Platform" in line["account"] and line["currency"] == jobsphere.currency
        )
        ours = await jobsphere.balance_minor(stripe_balance(jobsphere.currency))
        proof = await prove(jobsphere.engine, now=jobsphere.clock.now())
        breaches = [f"{one.law}: {one.breaches[0]}" for one in proof.results if one.breaches]
        return (
            breaches
            + ([] if ours == at_stripe else [f"stripe:balance is {ours}, Stripe's books say {at_stripe}"])
            + ([] if books["balanced"] else [f"the sandbox: {books['differences']}"])
        )

    try:
        await world.settle(group, wrong, rounds_max=12)
    except NotReached as error:
        raise NotReached(f"the books are wrong: {error}") from None
