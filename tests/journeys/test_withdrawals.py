"""Withdrawals over HTTP: refusals, parallel requests, lost answers, and banks that send the money back."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import stripe_connected, stripe_paying_out
from tests.journeys.conftest import JobSphere, Person


async def withdrawn(contractor: Person, amount: str = "80") -> str:
    return str((await contractor.done("/api/wallet/withdraw", {"amount": amount}))["withdrawalId"])


async def made(jobsphere: JobSphere, path: str) -> list[dict[str, Any]]:
    """The successful calls that changed something at that path of Stripe's."""
    calls = await jobsphere.sandbox.calls()
    return [one for one in calls if (one["method"], one["path"]) == ("POST", path) and one["status"] == 200]


async def test_each_refusal_has_its_own_clear_message_and_changes_nothing(jobsphere: JobSphere) -> None:
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)

    async def refused(person: Person, amount: Any) -> tuple[int, str]:
        answer = await person.post("/api/wallet/withdraw", {"amount": amount})
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    assert await refused(customer, 20) == (403, "not_allowed")
    assert await refused(contractor, 9.99) == (422, "amount_out_of_limits")
    assert await refused(contractor, 10001) == (422, "amount_out_of_limits")
    assert await refused(contractor, 20) == (409, "not_onboarded")
    await contractor.done("/api/wallet/connect", {})
    assert await refused(contractor, 20) == (409, "not_onboarded")
    await jobsphere.onboarded(contractor)
    assert await refused(contractor, 20) == (409, "insufficient_funds")
    assert (await contractor.data("/api/wallet/transactions"))["transactions"] == []
    await jobsphere.books_hold()


@pytest.mark.parametrize("outcome", ["pending", "restricted", "rejected"])
async def test_an_account_that_stripe_cannot_pay_is_not_onboarded(jobsphere: JobSphere, outcome: Any) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = (await contractor.done("/api/wallet/connect", {}))["accountId"]

    await jobsphere.sandbox.onboard(account_id, outcome)

    assert not (await contractor.data("/api/wallet/connect/status"))["onboarded"]


async def test_the_account_is_made_once_and_links_are_fresh(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)

    first = await contractor.done("/api/wallet/connect", {"country": "US"})
    second = await contractor.done("/api/wallet/connect", {})

    assert first["accountId"] == second["accountId"]
    assert first["onboardingUrl"] != second["onboardingUrl"]
    assert len(await made(jobsphere, "/v1/accounts")) == 1


async def test_an_account_event_alone_makes_the_contractor_onboarded(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = (await contractor.done("/api/wallet/connect", {}))["accountId"]

    await jobsphere.sandbox.onboard(account_id)

    async def onboarded() -> bool:
        return bool((await contractor.data("/api/wallet"))["stripeConnectOnboarded"])

    await jobsphere.until("account.updated is applied", onboarded)


async def test_the_same_key_in_parallel_withdraws_once(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")

    answers = await asyncio.gather(
        *(contractor.post("/api/wallet/withdraw", {"amount": 40}, key="one") for _ in range(20))
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["data"]["withdrawalId"] for answer in answers if answer.is_success}) == 1
    assert await contractor.wallet() == ("40.00", "0.00")


@pytest.mark.parametrize("kind", ["error_before", "error_after", "drop_after", "rate_limit", "conflict"])
@pytest.mark.parametrize("call", ["/v1/transfers", "/v1/payouts"])
async def test_a_lost_answer_makes_one_transfer_and_one_payout(jobsphere: JobSphere, kind: str, call: str) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.plan_faults({"match": f"POST {call}", "kind": kind, "times": 2})

    withdrawal_id = await withdrawn(contractor)

    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await jobsphere.sandbox.advance(days=3)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "paid")
    books = await jobsphere.sandbox.books()
    assert books["balanced"]
    assert await jobsphere.balance_minor(stripe_connected(contractor.id, "usd")) == 0
    assert await jobsphere.balance_minor(stripe_paying_out("usd")) == 0
    assert await jobsphere.card_money_minor() == 10500 - 8000
    posts = [one for one in await jobsphere.sandbox.calls() if (one["method"], one["path"]) == ("POST", call)]
    assert len({one["idempotency_key"] for one in posts}) == 1
    await jobsphere.books_hold()


async def test_money_that_is_pending_at_stripe_makes_the_withdrawal_wait_and_say_why(jobsphere: JobSphere) -> None:
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)
    await jobsphere.deposited(customer, "105", card="pm_card_visa")
    job = (await customer.done("/api/jobs", {"title": "Paint", "description": "Green."}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": 100}
    offer = (await customer.done("/api/offers", body))["offer"]
    await contractor.done(f"/api/offers/{offer['id']}/accept")
    await customer.done(f"/api/jobs/{job['id']}/complete")
    await jobsphere.onboarded(contractor)

    withdrawal_id = await withdrawn(contractor)

    async def waits() -> Any:
        found = await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}")
        return found if found["reasonCode"] != "being_sent" else None

    waiting = await jobsphere.until("the reason is shown", waits)
    assert (waiting["state"], waiting["reasonCode"]) == ("reserved", "platform_funds_pending")
    assert await made(jobsphere, "/v1/transfers") == []

    await jobsphere.sandbox.advance(days=2, hours=1)
    jobsphere.clock.advance(minutes=2)
    jobsphere.worker.wake()
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    assert sent["reasonCode"] == "on_its_way"
    await jobsphere.books_hold()


async def test_a_payout_that_fails_returns_the_money_to_the_wallet_once(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = await withdrawn(contractor)
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")

    await jobsphere.sandbox.fail_payout(sent["payoutId"], "account_closed")

    returned = await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")
    assert (returned["status"], returned["reasonCode"]) == ("failed", "account_closed")
    assert await contractor.wallet() == ("80.00", "0.00")
    assert await jobsphere.card_money_minor() == 10500
    told = Counter(one["type"] for one in (await contractor.data("/api/notifications"))["notifications"])
    assert told["withdrawal_failed"] == 2  # that it failed, and that the money is back
    await jobsphere.books_hold()


async def test_a_payout_that_the_bank_sends_back_after_paid_returns_too(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = await withdrawn(contractor)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await jobsphere.sandbox.advance(days=3)
    paid = await jobsphere.withdrawal_in(contractor, withdrawal_id, "paid")
    assert (await contractor.data("/api/wallet"))["totalWithdrawals"] == "80.00"

    await jobsphere.sandbox.fail_payout(paid["payoutId"])

    await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")
    wallet = await contractor.data("/api/wallet")
    assert (wallet["balance"], wallet["totalWithdrawals"]) == ("80.00", "0.00")
    shown = (await contractor.data("/api/wallet/transactions"))["transactions"][0]
    assert (shown["type"], shown["status"], shown["completedAt"]) == ("withdrawal", "failed", None)
    await jobsphere.books_hold()


async def test_after_a_day_without_an_answer_stripe_is_searched_and_the_key_not_used_again(
    jobsphere: JobSphere,
) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("hold")
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/transfers", "kind": "drop_after", "times": 1000})
    withdrawal_id = await withdrawn(contractor)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "transferring")

    sends_before = len([one for one in await jobsphere.sandbox.calls() if one["path"] == "/v1/transfers"])
    jobsphere.clock.advance(hours=24)
    jobsphere.worker.wake()
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")

    posts = [
        one for one in await jobsphere.sandbox.calls() if (one["method"], one["path"]) == ("POST", "/v1/transfers")
    ]
    assert len(posts) <= sends_before
    assert await jobsphere.card_money_minor() == 10500 - 8000
    await jobsphere.books_hold()


async def test_somebody_elses_withdrawal_is_not_to_be_seen(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    other = await jobsphere.person(Role.CONTRACTOR)

    answer = await other.get(f"/api/wallet/withdrawals/{await withdrawn(contractor)}")

    assert (answer.status_code, answer.json()["code"]) == (404, "withdrawal_not_found")
