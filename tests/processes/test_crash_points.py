"""Killed with SIGKILL at any crash point and started again, JobSphere ends in the same books.

Every flow is played uninterrupted, and with a few of its crash points; ``make crash-points`` plays them all.
"""

import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Databases
from tests.processes.books import Outcome, outcome
from tests.processes.flows import FLOWS
from tests.processes.starting import Starter, environment, jobsphere
from tests.processes.world import Saved, World

pytestmark = pytest.mark.processes

AT_ONCE = 3
# So many crash points of each flow are played unless CRASH_POINTS=all; which, its name decides.
CASES_MAX = 3
# In these every pass of every point counts; of the others the points that no earlier flow passed.
PLAYED_IN_FULL = ("deposit", "withdrawal")
# A loop looks for work twice a second, mostly in vain, and each look in vain is like the others: the first ones
# after the request, which find its work and that of its events, are played, and the later ones are not.
LOOKS = ("commit:worker.", "commit:webhooks.process.claim:")
LOOKS_PLAYED = 3
# What is no part of deposits and withdrawals: done on other requests, of admins too, or by chance in this hour.
OF_NO_CONCERN = (
    "commit:worker.forget_old_answers:",
    "commit:worker.tell_ended_freezes:",
    "commit:marketplace.",
    "commit:disputes.",
    "commit:refunds.request_by_admin:",
    # Asked about only when it has waited for long.
    "commit:refunds.settle.refunds_seen:",
    "commit:worker.due_answers:",
    "stripe:submit_evidence:",
    "stripe:accept_dispute:",
    "stripe:retrieve_three_d_secure:",
    "commit:notifications.mark_read:",
    "commit:wallets.freeze:",
    "commit:wallets.lift_freeze:",
    "commit:withdrawals.turn_switch:",
    "commit:cli.withdrawals.store:",
    "commit:webhooks.replay.",
    # Reads what Stripe has told already, every few minutes; each of its steps may be taken again.
    "commit:webhooks.catch_up.",
    "commit:withdrawals.review:",
    # Asked days later, about what counts as paid or whose event never came.
    "commit:withdrawals.ask.",
    "commit:withdrawals.settle.",
    "stripe:retrieve_platform:",
    "stripe:list_webhook_endpoints:",
    "stripe:create_login_link:",
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A flow played without a crash: where it ended, and how often it passed each point."""

    outcome: Outcome
    passed: Counter[str]


@dataclass(frozen=True, slots=True)
class Player:
    """Plays flows, each in a world of its own."""

    folder: Path
    databases: Databases
    starter: Starter
    worlds: Mapping[str, Saved]

    def play(self, flow: str, crash_at: str | None = None) -> Recording:
        folder = self.folder / f"{flow}-{crash_at}".replace(":", "-").replace(" ", "-")
        begin = self.worlds[FLOWS[flow].begins_with]
        with World(folder, self.databases, self.starter, begin, crash_at) as world:
            world.watch()
            FLOWS[flow].play(world)
            world.settle()
            passed = Counter(point for point in world.passed if not point.startswith(OF_NO_CONCERN))
            return Recording(outcome(world), passed)


@pytest.fixture(scope="module")
def player(place: Path, databases: Databases, starter: Starter, worlds: Mapping[str, Saved]) -> Player:
    folder = place / "flows"
    folder.mkdir()
    return Player(folder, databases, starter, worlds)


@dataclass(frozen=True, slots=True)
class Recordings:
    """Every flow, uninterrupted; one that fails is only asked for by its own tests."""

    ended: Mapping[str, Future[Recording]]

    def __getitem__(self, flow: str) -> Recording:
        return self.ended[flow].result()

    def passed(self, flows: Iterable[str]) -> set[str]:
        """The crash points that these flows pass, as far as they could be played."""
        played = [self[flow] for flow in flows if self.ended[flow].exception() is None]
        return {point for recording in played for point in recording.passed}


@pytest.fixture(scope="module")
def recordings(player: Player) -> Recordings:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Recordings({flow: pool.submit(player.play, flow) for flow in FLOWS})


def cases_of(flow: str, recordings: Recordings) -> list[str]:
    """Where to die in a flow: ``point:n``, n being the pass."""
    passed = recordings[flow].passed
    if flow in PLAYED_IN_FULL:
        times = {point: min(n, LOOKS_PLAYED) if point.startswith(LOOKS) else n for point, n in passed.items()}
        return [f"{point}:{number}" for point, n in times.items() for number in range(1, n + 1)]
    known = recordings.passed(list(FLOWS)[: list(FLOWS).index(flow)])
    return [f"{point}:1" for point in passed if point not in known]


@pytest.mark.parametrize("flow", FLOWS)
def test_killed_at_any_point_of_a_flow_it_ends_in_the_same_books(
    flow: str, player: Player, recordings: Recordings, subtests: pytest.Subtests
) -> None:
    cases = cases_of(flow, recordings)
    if os.environ.get("CRASH_POINTS") != "all":
        cases = random.Random(flow).sample(cases, min(CASES_MAX, len(cases)))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = {case: pool.submit(player.play, flow, case) for case in cases}

    for case, ended in played.items():
        with subtests.test(crash_at=case):
            assert ended.result().outcome == recordings[flow].outcome


def test_every_point_of_deposits_and_withdrawals_is_passed_by_a_flow(recordings: Recordings) -> None:
    listed = subprocess.run(
        jobsphere("crash-points"), env=environment(), capture_output=True, text=True, check=True
    )
    concerned = {point for point in listed.stdout.split() if not point.startswith(OF_NO_CONCERN)}

    assert concerned == recordings.passed(FLOWS)


def test_uninterrupted_a_deposit_is_charged_and_credited_once(recordings: Recordings) -> None:
    ended = recordings["deposit"].outcome

    held = {"stripe:balance": 19390, "platform:processing_costs": 610, "wallet:customer:available": 20000}
    assert ended.accounts == Counter(held.items())
    assert ended.entries == Counter(["deposit:<id>:settle", "deposit:<id>:fee"])
    assert ended.transactions == Counter([("deposit", "completed", 20000, None)])
    assert ended.made_at_stripe("customers", "payment_intents", "charges") == [1, 1, 1]
    assert ended.wallets["customer"]["balance"] == "200.00"


def test_uninterrupted_a_withdrawal_is_one_transfer_and_one_payout(recordings: Recordings) -> None:
    ended = recordings["withdrawal"].outcome

    assert ended.accounts[("wallet:contractor:available", 0)] == 1
    assert ended.accounts[("stripe:balance", 11390)] == 1
    assert ended.made_at_stripe("transfers", "payouts") == [1, 1]
    assert ended.wallets["contractor"]["totalWithdrawals"] == "80.00"


def test_when_the_bank_returns_it_the_transfer_is_reversed_once(recordings: Recordings) -> None:
    ended = recordings["withdrawal returned by the bank"].outcome

    assert ended.accounts[("wallet:contractor:available", 8000)] == 1
    assert [one.count(8000) for one in ended.at_stripe if "transfers" in one] == [2]  # made, and reversed
