"""Withdrawals that wait, are quoted, canceled or held: always with a reason, a next step and a date."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import TimeOrderedIds
from jobsphere.database import in_own_transaction
from jobsphere.identity.people import Role
from jobsphere.money import Money
from jobsphere.wallets import transactions
from jobsphere.wallets.wallet import wallet_of
from jobsphere.withdrawals import lifecycle, reasons, store
from jobsphere.withdrawals.request import _transaction
from jobsphere.withdrawals.withdrawal import Withdrawal, WithdrawalState
from tests.journeys.conftest import JobSphere, Person


async def paid_by_card_that_settles_later(jobsphere: JobSphere) -> Person:
    """A contractor with 80.00, whose money is pending at Stripe for two days."""
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)
    await jobsphere.deposited(customer, "105", card="pm_card_visa")
    job = (await customer.done("/api/jobs", {"title": "Paint", "description": "Green."}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": 100}
    offer = (await customer.done("/api/offers", body))["offer"]
    await contractor.done(f"/api/offers/{offer['id']}/accept")
    await customer.done(f"/api/jobs/{job['id']}/complete")
    await jobsphere.onboarded(contractor)
    return contractor


async def waiting(jobsphere: JobSphere, contractor: Person) -> Any:
    """A withdrawal that waits for the platform's money to settle."""
    made = await contractor.done("/api/wallet/withdraw", {"amount": 80})

    async def waits() -> Any:
        found = await contractor.data(f"/api/wallet/withdrawals/{made['withdrawalId']}")
        return found if found["reasonCode"] == "platform_funds_pending" else None

    return await jobsphere.until("the reason is shown", waits)


async def transfers(jobsphere: JobSphere) -> int:
    calls = await jobsphere.sandbox.calls()
    return sum((one["method"], one["path"]) == ("POST", "/v1/transfers") for one in calls)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_money_that_settles_later_is_waited_for_with_the_date_that_stripe_tells(
    jobsphere: JobSphere,
) -> None:
    contractor = await paid_by_card_that_settles_later(jobsphere)

    quoted = await contractor.done("/api/wallet/withdraw/quote", {"amount": 80})
    found = await waiting(jobsphere, contractor)

    [available_on] = {line.pending_until for line in await jobsphere.gateway.list_pending_money("usd")}
    assert (quoted["isPossible"], quoted["reasonCode"]) == (True, "platform_funds_pending")
    assert moment(quoted["expectedAt"]) == moment(found["expectedAt"]) == available_on
    assert moment(quoted["estimatedArrival"]) == moment(found["estimatedArrival"]) > available_on
    assert found["nextStep"] == "You need not do anything."
    assert await transfers(jobsphere) == 0
    await jobsphere.books_hold()


async def test_a_quote_tells_everything_that_stands_against_it_and_changes_nothing(jobsphere: JobSphere) -> None:
    contractor, admin = await jobsphere.person(Role.CONTRACTOR), await jobsphere.person(Role.ADMIN)
    freeze = {"reason": "Reported as stolen", "level": "withdrawals"}
    await admin.done(f"/api/admin/wallets/{contractor.id}/freeze", freeze)

    quoted = await contractor.done("/api/wallet/withdraw/quote", {"amount": 20000})

    codes = [problem["code"] for problem in quoted["problems"]]
    assert codes == ["amount_out_of_limits", "wallet_frozen", "not_onboarded", "insufficient_funds"]
    assert all(problem["detail"] for problem in quoted["problems"])
    assert (quoted["isPossible"], quoted["estimatedArrival"]) == (False, None)
    refused = await contractor.post("/api/wallet/withdraw", {"amount": 20000})
    assert refused.json()["code"] == codes[0]
    assert (await contractor.data("/api/wallet/transactions"))["transactions"] == []


async def test_a_quote_of_what_can_be_sent_at_once_says_when_it_arrives(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")

    quoted = await contractor.done("/api/wallet/withdraw/quote", {"amount": "80"})

    assert (quoted["arrives"], quoted["fee"], quoted["problems"]) == ("80.00", "0.00", [])
    assert (quoted["reasonCode"], quoted["expectedAt"]) == (None, None)
    assert moment(quoted["estimatedArrival"]).date() > jobsphere.clock.now().date()
    assert await contractor.wallet() == ("80.00", "0.00")


async def test_a_quote_is_given_while_stripe_does_not_answer(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.plan_faults({"match": "GET /v1/balance", "kind": "error_before", "times": 100})

    quoted = await contractor.done("/api/wallet/withdraw/quote", {"amount": "80"})

    assert (quoted["isPossible"], quoted["arrives"]) == (True, "80.00")


async def test_what_waits_can_be_canceled_and_is_never_sent(jobsphere: JobSphere) -> None:
    contractor = await paid_by_card_that_settles_later(jobsphere)
    found = await waiting(jobsphere, contractor)
    path = f"/api/wallet/withdrawals/{found['withdrawalId']}"
    assert found["isCancelable"]

    canceled = await contractor.done(f"{path}/cancel")

    assert (canceled["state"], canceled["status"], canceled["newBalance"]) == ("canceled", "failed", "80.00")
    assert canceled["reasonCode"] == "canceled_by_contractor"
    assert (await contractor.done(f"{path}/cancel"))["state"] == "canceled"
    await jobsphere.sandbox.advance(days=3)
    jobsphere.clock.advance(days=3)
    jobsphere.worker.wake()
    again = (await contractor.done("/api/wallet/withdraw", {"amount": 80}))["withdrawalId"]
    await jobsphere.withdrawal_in(contractor, again, "in_transit")
    assert await transfers(jobsphere) == 1
    assert (await contractor.data(path))["state"] == "canceled"
    await jobsphere.books_hold()


async def test_what_is_under_way_at_stripe_cannot_be_canceled(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/transfers", "kind": "drop_after"})
    withdrawal_id = (await contractor.done("/api/wallet/withdraw", {"amount": 80}))["withdrawalId"]
    other = await jobsphere.person(Role.CONTRACTOR)

    for state in ("in_transit", "paid"):
        await jobsphere.withdrawal_in(contractor, withdrawal_id, state)
        refused = await contractor.post(f"/api/wallet/withdrawals/{withdrawal_id}/cancel")
        assert (refused.status_code, refused.json()["code"]) == (409, "withdrawal_not_cancelable")
        await jobsphere.sandbox.advance(days=3)

    not_theirs = await other.post(f"/api/wallet/withdrawals/{withdrawal_id}/cancel")
    assert (not_theirs.status_code, not_theirs.json()["code"]) == (404, "withdrawal_not_found")
    await jobsphere.books_hold()


@in_own_transaction
async def hold(connection: AsyncConnection, withdrawal_id: UUID, user_id: UUID, now: datetime) -> Withdrawal:
    """A request that a rule holds for review."""
    wallet = await wallet_of(connection, user_id)
    withdrawal = Withdrawal(
        id=withdrawal_id,
        user_id=user_id,
        wallet_id=wallet.id,
        account_id=wallet.stripe_connect_account_id or "",
        amount=Money(8000, "usd"),
        state=WithdrawalState.REQUESTED,
        created_at=now,
    )
    await store.add(connection, withdrawal)
    await transactions.write(connection, _transaction(withdrawal))
    step = lifecycle.hold_for_review(withdrawal, reasons.IN_REVIEW, now.replace(year=now.year + 1))
    return await store.save(connection, withdrawal, step, now=now)


@pytest.mark.parametrize("decision", ["approve", "reject", "cancel"])
async def test_what_is_held_for_review_waits_for_a_person(jobsphere: JobSphere, decision: str) -> None:
    _, contractor = await jobsphere.earned("100")
    admin = await jobsphere.person(Role.ADMIN)
    held = await hold(jobsphere.engine, TimeOrderedIds().new(), contractor.id, jobsphere.clock.now())
    path = f"/api/wallet/withdrawals/{held.id}"
    jobsphere.clock.advance(hours=2)
    jobsphere.worker.wake()
    shown = await contractor.data(path)
    assert (shown["state"], shown["reasonCode"], shown["isCancelable"]) == ("held_for_review", "in_review", True)
    assert moment(shown["expectedAt"]) == held.waits_until
    [listed] = (await admin.data("/api/admin/withdrawals/held"))["withdrawals"]
    assert (listed["withdrawalId"], listed["userId"]) == (str(held.id), str(contractor.id))

    if decision == "cancel":
        await contractor.done(f"{path}/cancel")
    else:
        await admin.done(f"/api/admin/withdrawals/{held.id}/{decision}", {"note": "Called and asked."})

    end = {"approve": "in_transit", "reject": "returned", "cancel": "canceled"}[decision]
    await jobsphere.withdrawal_in(contractor, str(held.id), end)
    assert await contractor.wallet() == (("0.00", "0.00") if decision == "approve" else ("80.00", "0.00"))
    late = await admin.post(f"/api/admin/withdrawals/{held.id}/approve", {"note": "Once more."})
    assert (late.status_code, late.json()["code"]) == (409, "withdrawal_not_held")
    await jobsphere.books_hold()


async def test_an_answer_that_is_lost_for_a_day_is_shown_and_looked_for_until_it_is_known(
    jobsphere: JobSphere,
) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("hold")
    await jobsphere.sandbox.plan_faults(
        {"match": "POST /v1/payouts", "kind": "drop_after", "times": 1000},
        {"match": "GET /v1/payouts", "kind": "error_before", "times": 1000},
    )
    withdrawal_id = (await contractor.done("/api/wallet/withdraw", {"amount": 80}))["withdrawalId"]
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "paying_out")

    jobsphere.clock.advance(hours=23)
    jobsphere.worker.wake()
    lost = await jobsphere.withdrawal_in(contractor, withdrawal_id, "unresolved")
    await jobsphere.sandbox.clear_faults()
    jobsphere.clock.advance(minutes=10)
    jobsphere.worker.wake()
    found = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")

    assert (lost["status"], lost["reasonCode"], lost["isCancelable"]) == ("pending", "answer_lost", False)
    assert found["reasonCode"] == "on_its_way"
    assert found["expectedAt"] is not None
    await jobsphere.books_hold()
