"""What holds withdrawals over HTTP: the limits of a day, a new bank account, reviews, and the kill switch."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import in_own_transaction
from jobsphere.identity.people import Role
from tests.conftest import Databases
from tests.journeys.conftest import JobSphere, Person, running, settings_for_tests

Run = Callable[..., AbstractAsyncContextManager[JobSphere]]


@pytest.fixture
def with_settings(databases: Databases, database: str) -> Run:
    return lambda **changes: running(databases.url(database), settings_for_tests(**changes))


async def refused(person: Person, amount: Any) -> tuple[int, str]:
    answer = await person.post("/api/wallet/withdraw", {"amount": amount})
    return answer.status_code, answer.json().get("code", "")


@in_own_transaction
async def look_again(connection: AsyncConnection) -> None:
    """Let the worker go on with what rests."""
    await connection.execute(text("UPDATE withdrawals SET next_try_at = now() WHERE next_try_at IS NOT NULL"))


@in_own_transaction
async def a_day_later(connection: AsyncConnection) -> None:
    """Let it have happened a day before; the clock stays, for Stripe's signatures follow the real one."""
    for table, column in (("withdrawals", "created_at"), ("payout_accounts", "bank_changed_at")):
        earlier = f"UPDATE {table} SET {column} = {column} - interval '25 hours'"  # noqa: S608 - constants
        await connection.execute(text(earlier))
    await connection.execute(text("UPDATE withdrawals SET next_try_at = now() WHERE next_try_at IS NOT NULL"))


async def problems(person: Person, amount: Any) -> list[str]:
    quoted = await person.done("/api/wallet/withdraw/quote", {"amount": amount})
    return [problem["code"] for problem in quoted["problems"]]


async def test_of_many_at_once_a_day_takes_as_many_as_it_allows(with_settings: Run) -> None:
    async with with_settings(withdrawals_per_day=3) as jobsphere:
        _, contractor = await jobsphere.earned("200")

        answers = await asyncio.gather(
            *(contractor.post("/api/wallet/withdraw", {"amount": 10}, key=f"key-{n}") for n in range(20))
        )

        assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 17}
        codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert codes == {"daily_limit_reached"}
        assert await problems(contractor, 10) == ["daily_limit_reached"]
        assert await contractor.wallet() == ("130.00", "0.00")


async def test_a_day_takes_only_so_much_and_the_next_day_more(with_settings: Run) -> None:
    async with with_settings(withdrawal_daily_maximum=Decimal(60)) as jobsphere:
        _, contractor = await jobsphere.earned("200")
        await contractor.done("/api/wallet/withdraw", {"amount": 50})

        assert await refused(contractor, 11) == (409, "daily_limit_reached")
        await a_day_later(jobsphere.engine)
        assert (await contractor.post("/api/wallet/withdraw", {"amount": 60})).is_success


async def test_what_was_canceled_does_not_count_for_the_day(with_settings: Run) -> None:
    async with with_settings(withdrawals_per_day=1, review_withdrawals_from=Decimal(10)) as jobsphere:
        _, contractor = await jobsphere.earned("200")
        held = await contractor.done("/api/wallet/withdraw", {"amount": 50})
        assert await refused(contractor, 50) == (409, "daily_limit_reached")
        await contractor.done(f"/api/wallet/withdrawals/{held['withdrawalId']}/cancel")
        assert (await contractor.post("/api/wallet/withdraw", {"amount": 50})).is_success


async def test_a_country_may_have_a_minimum_of_its_own(with_settings: Run) -> None:
    async with with_settings(withdrawal_minimum_by_country={"US": Decimal(50)}) as jobsphere:
        _, contractor = await jobsphere.earned("200")
        assert await refused(contractor, 49) == (422, "amount_out_of_limits")
        assert (await contractor.post("/api/wallet/withdraw", {"amount": 50})).is_success


async def test_what_is_too_little_for_banks_of_a_country_is_refused_and_quoted_so(with_settings: Run) -> None:
    async with with_settings(payment_currency="krw") as jobsphere:
        contractor = await jobsphere.person(Role.CONTRACTOR)
        account_id = (await contractor.done("/api/wallet/connect", {"country": "KR"}))["accountId"]
        await jobsphere.sandbox.onboard(account_id)
        assert (await contractor.data("/api/wallet/connect/status"))["onboarded"]

        assert await refused(contractor, 39_999) == (422, "below_bank_minimum")
        quoted = await contractor.done("/api/wallet/withdraw/quote", {"amount": 39_999})
        told = {problem["code"]: problem["detail"] for problem in quoted["problems"]}
        assert told["below_bank_minimum"] == "Less than 40000 KRW cannot be sent to a bank in KR. Choose more."
        assert await refused(contractor, 40_000) == (409, "insufficient_funds")


async def test_a_changed_bank_account_stops_new_withdrawals_for_the_waiting_time(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("200")
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
    await jobsphere.sandbox.change_bank(account_id, "000999999991")
    assert (await contractor.data("/api/wallet/connect/status"))["withdrawalsHeldUntil"] is not None

    assert await refused(contractor, 80) == (409, "bank_account_too_new")
    assert await problems(contractor, 80) == ["bank_account_too_new"]

    await a_day_later(jobsphere.engine)
    assert (await contractor.post("/api/wallet/withdraw", {"amount": 80})).is_success


async def test_a_withdrawal_that_is_not_sent_yet_waits_when_the_bank_account_is_changed(
    jobsphere: JobSphere,
) -> None:
    # Money that has not settled keeps the withdrawal from being sent.
    _, contractor = await jobsphere.earned("100", deposit="105.00", card="pm_card_visa")
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
    waiting = await contractor.done("/api/wallet/withdraw", {"amount": 80})
    await jobsphere.sandbox.change_bank(account_id, "000999999991")
    await contractor.data("/api/wallet/connect/status")

    async def explained() -> bool:
        found = await contractor.data(f"/api/wallet/withdrawals/{waiting['withdrawalId']}")
        return bool(found["reasonCode"] == "bank_account_changed" and found["state"] == "reserved")

    await look_again(jobsphere.engine)
    jobsphere.worker.wake()
    await jobsphere.until("it waits for the bank account", explained)
    await jobsphere.sandbox.advance(days=3)
    await a_day_later(jobsphere.engine)
    jobsphere.worker.wake()
    await jobsphere.withdrawal_in(contractor, waiting["withdrawalId"], "in_transit")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"review_first_withdrawal": True}, "review_first"),
        ({"review_withdrawals_from": Decimal(80)}, "review_large"),
        ({"review_bank_change_days": 7}, "review_new_bank_account"),
    ],
)
async def test_what_a_rule_holds_is_sent_when_an_admin_approves(
    with_settings: Run, settings: dict[str, Any], reason: str
) -> None:
    async with with_settings(**{"bank_change_wait_hours": 0, **settings}) as jobsphere:
        _, contractor = await jobsphere.earned("100")
        account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
        await jobsphere.sandbox.change_bank(account_id, "000999999991")
        await contractor.data("/api/wallet/connect/status")
        admin = await jobsphere.person(Role.ADMIN)

        held = await contractor.done("/api/wallet/withdraw", {"amount": 80})

        assert (held["state"], held["reasonCode"]) == ("held_for_review", reason)
        listed = (await admin.data("/api/admin/withdrawals/held"))["withdrawals"]
        assert [one["withdrawalId"] for one in listed] == [held["withdrawalId"]]
        await admin.done(f"/api/admin/withdrawals/{held['withdrawalId']}/approve", {"note": "Known person"})
        await jobsphere.withdrawal_in(contractor, held["withdrawalId"], "in_transit")


async def test_paused_no_new_withdrawal_is_taken_and_those_under_way_arrive(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    admin = await jobsphere.person(Role.ADMIN)
    under_way = await contractor.done("/api/wallet/withdraw", {"amount": 40})

    paused = await admin.done("/api/admin/withdrawals/pause", {"reason": "Odd payouts"})

    assert (paused["isPaused"], paused["changedBy"]) == (True, str(admin.id))
    assert await admin.data("/api/admin/withdrawals/switch") == paused
    assert await refused(contractor, 40) == (409, "withdrawals_paused")
    assert await problems(contractor, 40) == ["withdrawals_paused"]
    await jobsphere.withdrawal_in(contractor, under_way["withdrawalId"], "in_transit")
    await jobsphere.sandbox.advance(days=3)
    await jobsphere.withdrawal_in(contractor, under_way["withdrawalId"], "paid")

    await admin.done("/api/admin/withdrawals/resume", {"reason": "All is well"})
    assert (await contractor.post("/api/wallet/withdraw", {"amount": 40})).is_success
    assert (await contractor.post("/api/admin/withdrawals/pause", {"reason": "Not mine"})).status_code == 403
