"""Races on one withdrawal or one wallet: exactly one of two wins, and never is more withdrawn than there is.

A few are run here; the long form by hand (``make races``): RACES=1000 seeded races, ROUNDS=50 rounds.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

from jobsphere.database import in_own_transaction
from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import stripe_balance, wallet_available, withdrawal_in_transit
from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import Payout
from jobsphere.withdrawals import cancel as canceling
from jobsphere.withdrawals import settle, store
from jobsphere.withdrawals.cancel import NotCancelable
from jobsphere.withdrawals.send import send
from jobsphere.withdrawals.settle import UnexpectedReport
from jobsphere.withdrawals.withdrawal import WithdrawalState
from tests.conftest import Databases
from tests.journeys.conftest import JobSphere, Person, running, settings_for_tests

RACES = int(os.environ.get("RACES", "12"))
ROUNDS = int(os.environ.get("ROUNDS", "2"))
KINDS = ("cancel against send", "cancel against event", "two workers")

_cancel = in_own_transaction(canceling.cancel)
_find = in_own_transaction(store.find)
_paid = in_own_transaction(settle.payout_paid)
_failed = in_own_transaction(settle.payout_failed)


@pytest.fixture
async def unlimited(databases: Databases, database: str) -> AsyncIterator[JobSphere]:
    settings = settings_for_tests(
        deposit_maximum=Decimal(999999),
        withdrawal_minimum=Decimal("0.01"),
        withdrawal_maximum=Decimal(10000),
        withdrawals_per_day=100_000,
        withdrawal_daily_maximum=Decimal(1_000_000),
    )
    async with running(databases.url(database), settings) as jobsphere:
        yield jobsphere


async def rich(jobsphere: JobSphere) -> Person:
    """A contractor with 80,000.00; the worker rests, so that nobody sends but who races."""
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)
    await jobsphere.deposited(customer, "105000")
    for _ in range(2):
        job = (await customer.done("/api/jobs", {"title": "Paint", "description": "All."}))["job"]
        body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": 50000}
        offer = (await customer.done("/api/offers", body))["offer"]
        await contractor.done(f"/api/offers/{offer['id']}/accept")
        await customer.done(f"/api/jobs/{job['id']}/complete")
    await jobsphere.onboarded(contractor)
    return contractor


async def after(seconds: float, deed: Callable[[], Awaitable[object]]) -> object:
    await asyncio.sleep(seconds)
    try:
        return await deed()
    except (NotCancelable, UnexpectedReport) as refusal:
        return refusal


async def race(jobsphere: JobSphere, contractor: Person, kind: str, chance: random.Random) -> None:
    made = await contractor.done("/api/wallet/withdraw", {"amount": "1.00"})
    id_ = UUID(made["withdrawalId"])
    engine, gateway, clock = jobsphere.engine, jobsphere.gateway, jobsphere.clock

    withdrawal_account = (await _find(engine, id_)).account_id

    def sends() -> Awaitable[object]:
        return send(engine, gateway, clock, id_)

    def cancels() -> Awaitable[object]:
        return _cancel(engine, withdrawal_id=id_, user_id=contractor.id, now=clock.now())

    def event() -> Awaitable[object]:
        report, status = chance.choice([(_paid, "paid"), (_failed, "failed")])
        withdrawal_metadata = {"withdrawal_id": str(id_), "attempt": "1"}
        payout = Payout(f"po_{id_.hex}", status, Money(100, "usd"), None, "no_account", withdrawal_metadata)
        return report(engine, payout, withdrawal_account, now=clock.now())

    if kind == "cancel against event" and chance.random() < 0.5:
        await sends()
    rivals = {"cancel against send": sends, "cancel against event": event, "two workers": sends}
    other = sends if kind == "two workers" else cancels
    outcomes = await asyncio.gather(
        after(chance.uniform(0, 0.06), rivals[kind]), after(chance.uniform(0, 0.06), other)
    )
    await _one_won(jobsphere, kind, id_, outcomes)


async def _one_won(jobsphere: JobSphere, kind: str, id_: UUID, outcomes: Sequence[object]) -> None:
    withdrawal = await _find(jobsphere.engine, id_)
    canceled = withdrawal.state is WithdrawalState.CANCELED
    if kind == "two workers":
        assert withdrawal.state is WithdrawalState.IN_TRANSIT
    else:
        refused = isinstance(outcomes[1], NotCancelable)
        assert canceled is not refused
    if canceled:
        assert withdrawal.transfer_id is None
        assert await jobsphere.balance_minor(withdrawal_in_transit(id_, "usd")) == 0


async def posts(jobsphere: JobSphere, path: str) -> Counter[str]:
    """How often something was made at that path, by key."""
    calls = await jobsphere.sandbox.calls()
    return Counter(
        one["idempotency_key"]
        for one in calls
        if (one["method"], one["path"], one["status"]) == ("POST", path, 200) and not one["replayed"]
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_of_two_at_once_exactly_one_wins(unlimited: JobSphere, kind: str) -> None:
    jobsphere, chance = unlimited, random.Random(kind)
    contractor = await rich(jobsphere)
    jobsphere.worker.stop()
    before = await jobsphere.balance_minor(wallet_available(contractor.id, "usd"))

    for _ in range(RACES):
        await race(jobsphere, contractor, kind, chance)

    made = await posts(jobsphere, "/v1/transfers")
    assert set(made.values()) <= {1}
    assert set((await posts(jobsphere, "/v1/payouts")).values()) <= {1}
    left = await jobsphere.balance_minor(wallet_available(contractor.id, "usd"))
    sent = before - left
    assert len(made) * 100 == sent
    assert await jobsphere.balance_minor(stripe_balance("usd")) >= 0


async def test_of_200_at_once_exactly_those_that_the_wallet_covers_succeed_each_round(
    unlimited: JobSphere,
) -> None:
    jobsphere = unlimited
    _, contractor = await jobsphere.earned("125")
    jobsphere.worker.stop()
    # One wallet is used by one request after the other: on a busy machine the last of 200 waits long.
    jobsphere.http.timeout = httpx.Timeout(600)

    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(contractor.post("/api/wallet/withdraw", {"amount": 10}, key=f"{number}-{n}") for n in range(200))
        )
        assert Counter(answer.status_code for answer in answers) == {201: 10, 409: 190}
        assert {one.json()["code"] for one in answers if one.status_code == 409} == {"insufficient_funds"}
        assert await contractor.wallet() == ("0.00", "0.00")
        made = [one.json()["data"]["withdrawalId"] for one in answers if one.status_code == 201]
        # Nothing was sent, so all of it is taken back for the next round.
        for withdrawal_id in made:
            await contractor.done(f"/api/wallet/withdrawals/{withdrawal_id}/cancel")
        assert await contractor.wallet() == ("100.00", "0.00")
    await jobsphere.books_hold()
