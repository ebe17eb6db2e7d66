"""A short form of ``make chaos``, and the bugs that it must find."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos.bugs import BUGS
from tests.chaos.plan import Delivery, Group, Kind, plan
from tests.chaos.run import play_all
from tests.journeys.conftest import JobSphere


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    assert plan(3, 200) == plan(3, 200)
    assert plan(3, 200) != plan(4, 200)


def test_every_scenario_is_played_under_every_fate() -> None:
    played = [(one, group.delivery) for group in plan(5, 1000) for one in group.scenarios]

    assert len(played) >= 1000
    assert len(set(played)) == len(played)
    assert {one.kind for one, _ in played} == set(Kind)
    assert {(one.kind, delivery) for one, delivery in played} == {(k, d) for k in Kind for d in Delivery}


async def test_the_books_end_the_same_whatever_becomes_of_the_webhooks(jobsphere: JobSphere) -> None:
    report = await play_all(jobsphere, plan(7, 30), say=lambda _: None)

    assert report.failures == []
    assert report.played == 30


def only(groups: Sequence[Group], kinds: set[Kind], delivery: Delivery) -> Sequence[Group]:
    """What shows a bug, and no more of it than that takes."""
    return [
        replace(group, faults={}, scenarios=tuple(one for one in group.scenarios if one.kind in kinds)[:3])
        for group in groups
        if group.delivery is delivery
    ][:1]


@pytest.mark.parametrize(
    ("bug", "kinds", "delivery"),
    [
        ("effect-twice", {Kind.PAID}, Delivery.FIVE_TIMES),
        ("trust-order", {Kind.DECLINED_THEN_PAID}, Delivery.SHUFFLED),
        ("credit-on-answer", {Kind.FAILED_3DS}, Delivery.ALL),
    ],
)
async def test_a_planted_bug_is_found(
    jobsphere: JobSphere, bug: str, kinds: set[Kind], delivery: Delivery
) -> None:
    groups = only(plan(11, 400), kinds, delivery)

    with BUGS[bug]():
        report = await play_all(jobsphere, groups, say=lambda _: None, failures_max=1)

    assert report.failures
