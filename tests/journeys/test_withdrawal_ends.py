"""Withdrawals end right without any event, and when the bank sends the money back days after it was paid."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from jobsphere.ledger.accounts import stripe_connected, stripe_paying_out, wallet_available
from jobsphere.withdrawals.ask import ask, watch_paid
from tests.journeys.conftest import JobSphere, Person


async def begun(jobsphere: JobSphere) -> tuple[Person, str]:
    _, contractor = await jobsphere.earned("100")
    made = await contractor.done("/api/wallet/withdraw", {"amount": 80})
    return contractor, str(made["withdrawalId"])


async def days_pass(jobsphere: JobSphere, days: float) -> None:
    await jobsphere.sandbox.advance(days=days)
    jobsphere.clock.advance(days=days)
    jobsphere.worker.wake()


@pytest.mark.parametrize("days", [1, 3, 5])
async def test_a_payout_that_fails_days_after_paid_is_booked_told_and_stops_withdrawals_to_that_bank(
    jobsphere: JobSphere, days: int
) -> None:
    contractor, withdrawal_id = await begun(jobsphere)
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    # Only Stripe's time passes: events are signed by the real clock, and so ours must show it.
    await jobsphere.sandbox.advance(days=3)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "paid")

    await jobsphere.sandbox.advance(days=days)
    await jobsphere.sandbox.fail_payout(sent["payoutId"], "account_closed")
    returned = await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")

    assert (returned["status"], returned["reasonCode"]) == ("failed", "account_closed")
    assert returned["nextStep"].startswith("Enter or correct your bank account")
    assert await contractor.wallet() == ("80.00", "0.00")
    assert await jobsphere.balance_minor(stripe_connected(contractor.id, "usd")) == 0
    assert await jobsphere.balance_minor(stripe_paying_out("usd")) == 0
    await jobsphere.books_hold()
    told = [one["body"] for one in (await contractor.data("/api/notifications"))["notifications"]]
    assert any("Enter another bank account" in body for body in told)
    await blocked_until_the_bank_changes(jobsphere, contractor)


async def blocked_until_the_bank_changes(jobsphere: JobSphere, contractor: Person) -> None:
    async def problems() -> set[str]:
        quoted = await contractor.done("/api/wallet/withdraw/quote", {"amount": 80})
        return {problem["code"] for problem in quoted["problems"]}

    async def changed() -> Any:
        await contractor.data("/api/wallet/connect/status")
        return "bank_account_refused" not in await problems()

    refused = await contractor.post("/api/wallet/withdraw", {"amount": 80})
    assert refused.status_code == 409
    assert "bank_account_refused" in await problems()
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
    await jobsphere.sandbox.change_bank(account_id, "000999999991")
    await jobsphere.until("the new bank account is seen", changed)
    assert await problems() == {"bank_account_too_new"}


async def ask_until_it_ends(jobsphere: JobSphere, contractor: Person, withdrawal_id: str, *states: str) -> Any:
    async def asked() -> Any:
        await ask(jobsphere.engine, jobsphere.gateway, jobsphere.clock, UUID(withdrawal_id))
        found = await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}")
        return found if found["state"] in states else None

    return await jobsphere.until(f"it is {states}", asked)


@pytest.mark.parametrize("end", ["paid", "failed", "canceled", "failed after paid"])
async def test_with_every_event_dropped_it_ends_right(jobsphere: JobSphere, end: str) -> None:
    await jobsphere.sandbox.set_delivery_mode("deliver")
    contractor, withdrawal_id = await begun(jobsphere)
    await jobsphere.sandbox.set_delivery_mode("drop")
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")

    if end == "canceled":
        await jobsphere.sandbox.cancel_payout(sent["payoutId"])
    elif end == "failed":
        await jobsphere.sandbox.fail_payout(sent["payoutId"], "no_account")
    else:
        await days_pass(jobsphere, 3)
        await ask_until_it_ends(jobsphere, contractor, withdrawal_id, "paid")
    if end == "failed after paid":
        await jobsphere.sandbox.fail_payout(sent["payoutId"], "account_closed")
        await days_pass(jobsphere, 2)
        assert await watch_paid(jobsphere.engine, jobsphere.gateway, jobsphere.clock) == 1
        assert await watch_paid(jobsphere.engine, jobsphere.gateway, jobsphere.clock) == 0

    state = "paid" if end == "paid" else "returned"
    jobsphere.worker.wake()
    found = await ask_until_it_ends(jobsphere, contractor, withdrawal_id, state)
    assert await contractor.wallet() == (("0.00" if end == "paid" else "80.00"), "0.00")
    expected = {"canceled": "payout_canceled", "failed": "no_account", "failed after paid": "account_closed"}
    assert found["reasonCode"] == expected.get(end)
    await jobsphere.books_hold()


async def test_what_is_paid_for_longer_than_a_bank_may_send_it_back_is_not_asked_about(
    jobsphere: JobSphere,
) -> None:
    contractor, withdrawal_id = await begun(jobsphere)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await days_pass(jobsphere, 3)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "paid")
    asked = len([one for one in await jobsphere.sandbox.calls() if one["path"].startswith("/v1/payouts/")])

    await days_pass(jobsphere, 11)

    assert await watch_paid(jobsphere.engine, jobsphere.gateway, jobsphere.clock) == 0
    await ask(jobsphere.engine, jobsphere.gateway, jobsphere.clock, UUID(withdrawal_id))
    calls = [one for one in await jobsphere.sandbox.calls() if one["path"].startswith("/v1/payouts/")]
    assert len(calls) == asked


async def test_asking_in_every_state_at_once_and_again_changes_nothing_twice(jobsphere: JobSphere) -> None:
    contractor, withdrawal_id = await begun(jobsphere)
    asks = [ask(jobsphere.engine, jobsphere.gateway, jobsphere.clock, UUID(withdrawal_id)) for _ in range(8)]

    await asyncio.gather(*asks)

    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    assert await jobsphere.balance_minor(wallet_available(contractor.id, "usd")) == 0
    posts = [
        one for one in await jobsphere.sandbox.calls() if (one["method"], one["path"]) == ("POST", "/v1/payouts")
    ]
    assert len({one["idempotency_key"] for one in posts}) == 1
    await jobsphere.books_hold()
