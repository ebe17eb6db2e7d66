"""With Stripe hanging 20 seconds on each call, whatever needs nothing of Stripe goes on as before.

The figures are printed; what is asserted are errors, and that no database transaction waits for Stripe. Times
are compared within one run, since the machine that runs the tests may do other things as well.
"""

import asyncio
import sys
from typing import Any

import httpx
import pytest

from jobsphere.cli.stack import DATABASE
from jobsphere.embedded_postgres import EmbeddedPostgres
from jobsphere.embedded_postgres.cluster import SUPERUSER
from tests.processes.load import Ask, Figures, asker, unrelated, watched
from tests.processes.served import Home

pytestmark = pytest.mark.processes

HANG_SECONDS = 20
CALM_SECONDS = 8
# More calls to Stripe at once than the pool has connections; what is deposited is left to the worker, in batches.
HANGING_LOOKS = 30
DEPOSITS = 40
# A database transaction that waited for Stripe would be idle for 20 s; this leaves a busy machine its pauses.
IDLE_SECONDS_MAX = 2.0


def test_what_needs_nothing_of_stripe_goes_on_while_stripe_hangs(
    home_of_jobsphere: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_of_jobsphere
    home.settings |= {"STRIPE_TIMEOUT_SECONDS": "30", "DEPOSITS_PER_HOUR_MAX": "1000", "OFFER_MINIMUM": "0.10"}
    home.serve()
    home.deposit("2000.00")
    contractor_id = home.get("/api/me", "contractor")["user"]["id"]
    account = home.post("/api/wallet/connect", "contractor", {})["accountId"]
    home.control("/dashboard/onboard", {"account": account, "outcome": "complete"})
    home.wait("/api/wallet/connect/status", "contractor", onboarded=True)
    home.control("/faults", method="DELETE")

    with EmbeddedPostgres(home.data) as cluster:
        url = cluster.url(user=SUPERUSER, password=cluster.superuser_password, database=DATABASE)
        calm, hanging, answers = asyncio.run(_measure(home, url, contractor_id))

    with capsys.disabled():
        sys.stdout.write(_report(calm, hanging, answers))
    assert (calm.failed, hanging.failed) == ([], [])
    assert len(hanging.seconds) > 100
    assert hanging.idle_seconds_max < IDLE_SECONDS_MAX


def _report(calm: Figures, hanging: Figures, answers: dict[int, int]) -> str:
    def line(figures: Figures) -> str:
        idle = figures.idle_seconds_max
        return (
            f"{len(figures.seconds):5} requests, p99 {figures.p99() * 1000:4.0f} ms, {len(figures.failed)} failed,"
            f" longest idle database transaction {idle * 1000:4.0f} ms after {figures.idle_after.split()[:6]}"
        )

    return (
        f"\ncalm            {line(calm)}"
        f"\nStripe hanging  {line(hanging)}"
        f"\np99 hanging / calm {hanging.p99() / calm.p99():.2f}; who waited for Stripe was answered {answers}\n"
    )


async def _measure(home: Home, url: str, contractor_id: str) -> tuple[Figures, Figures, dict[int, int]]:
    """Figures of a calm load, figures of the same load while Stripe hangs, and what the hanging were answered."""
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=home.http.base_url, timeout=90, limits=limits, trust_env=False) as http:
        customer, contractor = (asker(http, home.tokens[who]) for who in ("customer", "contractor"))
        async with watched(url) as calm_watch:
            calm = await unrelated(customer, contractor_id, CALM_SECONDS)
        calm.idle_seconds_max, calm.idle_after = calm_watch.idle_seconds_max, calm_watch.idle_after
        home.control("/faults", [{"match": "*", "kind": "slow", "seconds": HANG_SECONDS, "times": 1000}])
        async with watched(url) as watch:
            waiting = [asyncio.create_task(one) for one in _need_stripe(customer, contractor)]
            hanging = await unrelated(customer, contractor_id, HANG_SECONDS - 2)
            deposits, looks = waiting[:DEPOSITS], waiting[DEPOSITS:]
        hanging.idle_seconds_max, hanging.idle_after = watch.idle_seconds_max, watch.idle_after
        assert not any(task.done() for task in looks), "some call to Stripe did not hang"
        assert {task.result().status_code for task in deposits if task.done()} == {202}
        assert all(task.done() for task in deposits), "somebody who deposits waits for Stripe to the end"
        home.control("/faults", method="DELETE")
        answered = [task.result().status_code for task in (await asyncio.wait(waiting))[0]]
    return calm, hanging, {status: answered.count(status) for status in sorted(set(answered))}


def _need_stripe(customer: Ask, contractor: Ask) -> list[Any]:
    """Requests that need Stripe: deposits, which are taken all the same, and looks at the payout account."""
    deposit = {"amount": "10.00", "paymentMethodId": "pm_card_bypassPending"}
    deposits = [customer("POST", "/api/wallet/deposit", deposit) for _ in range(DEPOSITS)]
    looks = [contractor("GET", "/api/wallet/connect/status") for _ in range(HANGING_LOOKS)]
    return deposits + looks
