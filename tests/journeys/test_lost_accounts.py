"""The payout account is lost, or its bank account changes, during a withdrawal: it ends, or says why not."""

from typing import Any

import httpx

from jobsphere.clock import TimeOrderedIds
from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import stripe_connected
from jobsphere.reconciliation.look_after import look_after
from tests.journeys.conftest import JobSphere, Person

KEY = {"Authorization": "Bearer sk_test_sandbox"}


async def begun(jobsphere: JobSphere, call: str, kind: Any, state: str) -> tuple[Person, str, str]:
    """A contractor, the account, and a withdrawal of 80.00 that is ``state`` since ``call`` gets no answer."""
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("drop")
    await jobsphere.sandbox.plan_faults({"match": call, "kind": kind, "times": 1000})
    withdrawal_id = (await contractor.done("/api/wallet/withdraw", {"amount": 80}))["withdrawalId"]
    await jobsphere.withdrawal_in(contractor, withdrawal_id, state)
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
    return contractor, account_id, withdrawal_id


async def lost(jobsphere: JobSphere, account_id: str) -> None:
    """The owner disconnects the account; no event tells it, and Stripe answers everything again."""
    await jobsphere.sandbox.deauthorize(account_id)
    await jobsphere.sandbox.clear_faults()
    jobsphere.clock.advance(minutes=10)
    jobsphere.worker.wake()


async def told(person: Person) -> list[str]:
    return [one["title"] for one in (await person.data("/api/notifications"))["notifications"]]


async def reversals(jobsphere: JobSphere) -> list[Any]:
    async with httpx.AsyncClient(base_url=jobsphere.sandbox_url, headers=KEY, trust_env=False) as http:
        [transfer] = (await http.get("/v1/transfers")).json()["data"]
    return list(transfer["reversals"]["data"])


async def test_disconnected_between_transfer_and_payout_the_transfer_is_reversed_and_the_money_back_once(
    jobsphere: JobSphere,
) -> None:
    contractor, account_id, withdrawal_id = await begun(
        jobsphere, "POST /v1/transfers", "drop_after", "transferring"
    )

    await lost(jobsphere, account_id)
    ended = await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")

    assert (ended["status"], ended["reasonCode"]) == ("failed", "account_disconnected")
    assert ended["nextStep"].startswith("Open a payout account")
    assert await contractor.wallet() == ("80.00", "0.00")
    assert len(await reversals(jobsphere)) == 1
    assert await jobsphere.balance_minor(stripe_connected(contractor.id, "usd")) == 0
    seen = await told(contractor)
    assert [seen.count(title) for title in ("Withdrawal failed", "Withdrawal returned")] == [1, 1]
    assert "Payout account disconnected" in seen
    await jobsphere.books_hold()


async def test_disconnected_before_anything_was_sent_the_money_goes_back_at_once(jobsphere: JobSphere) -> None:
    contractor, account_id, withdrawal_id = await begun(jobsphere, "GET /v1/balance", "error_before", "reserved")

    await lost(jobsphere, account_id)
    ended = await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")

    assert ended["reasonCode"] == "account_disconnected"
    assert await contractor.wallet() == ("80.00", "0.00")
    assert not [one for one in await jobsphere.sandbox.calls() if one["path"] == "/v1/transfers"]
    await jobsphere.books_hold()


async def test_where_the_transfer_cannot_be_reversed_a_person_is_told_and_the_money_stays_where_it_is(
    jobsphere: JobSphere,
) -> None:
    contractor, account_id, withdrawal_id = await begun(
        jobsphere, "POST /v1/transfers", "drop_after", "transferring"
    )
    # The owner takes the money out just before.
    payout = {"amount": "8000", "currency": "usd"}
    async with httpx.AsyncClient(base_url=jobsphere.sandbox_url, headers=KEY, trust_env=False) as http:
        taken = await http.post("/v1/payouts", data=payout, headers={"Stripe-Account": account_id})
    assert taken.is_success, taken.text

    await lost(jobsphere, account_id)
    stuck = await jobsphere.withdrawal_in(contractor, withdrawal_id, "unresolved")

    assert (stuck["status"], stuck["reasonCode"]) == ("pending", "account_disconnected")
    assert stuck["expectedAt"] is not None
    assert await contractor.wallet() == ("0.00", "0.00")
    await admins_are_told(jobsphere)
    # It is asked for again, each time under a key of its own, and nothing moves.
    jobsphere.clock.advance(hours=2)
    jobsphere.worker.wake()

    async def asked_again() -> bool:
        asked = [one for one in await jobsphere.sandbox.calls() if one["path"].endswith("/reversals")]
        return len({one["idempotency_key"] for one in asked if one["method"] == "POST"}) >= 2

    await jobsphere.until("the reversal is asked for again", asked_again)
    assert await contractor.wallet() == ("0.00", "0.00")
    await jobsphere.books_hold()


async def test_disconnected_while_a_payout_may_be_under_way_nothing_is_given_back_before_a_person_looked(
    jobsphere: JobSphere,
) -> None:
    contractor, account_id, withdrawal_id = await begun(jobsphere, "POST /v1/payouts", "drop_after", "paying_out")

    await lost(jobsphere, account_id)
    stuck = await jobsphere.withdrawal_in(contractor, withdrawal_id, "unresolved")

    assert (stuck["status"], stuck["reasonCode"]) == ("pending", "account_lost_while_sent")
    assert stuck["nextStep"].startswith("Look at your bank account")
    assert (await told(contractor)).count("Withdrawal interrupted") == 1
    jobsphere.clock.advance(hours=30)
    jobsphere.worker.wake()
    await admins_are_told(jobsphere)
    assert (await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}"))["state"] == "unresolved"
    assert (await told(contractor)).count("Withdrawal interrupted") == 1
    assert await reversals(jobsphere) == []
    assert await contractor.wallet() == ("0.00", "0.00")
    await jobsphere.books_hold()


async def admins_are_told(jobsphere: JobSphere) -> None:
    admin = await jobsphere.person(Role.ADMIN)
    jobsphere.clock.advance(days=1)
    await look_after(jobsphere.engine, jobsphere.gateway, jobsphere.clock, TimeOrderedIds())
    assert await told(admin) == ["A withdrawal waits for too long"]


async def test_a_bank_account_that_was_changed_unseen_holds_what_was_asked_for_before_it_is_sent(
    jobsphere: JobSphere,
) -> None:
    contractor, account_id, withdrawal_id = await begun(jobsphere, "GET /v1/balance", "error_before", "reserved")
    await jobsphere.sandbox.change_bank(account_id, "000999999991")
    await jobsphere.sandbox.clear_faults()
    jobsphere.clock.advance(minutes=10)
    jobsphere.worker.wake()

    async def held() -> Any:
        found = await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}")
        return found if found["reasonCode"] == "bank_account_changed" else None

    found = await jobsphere.until("it is held", held)
    assert (found["state"], found["isCancelable"]) == ("reserved", True)
    assert found["expectedAt"] is not None
    assert (await told(contractor)).count("Bank account changed") == 1
    assert not [one for one in await jobsphere.sandbox.calls() if one["path"] == "/v1/transfers"]
    # As much later as the settings say it goes to the new bank account.
    jobsphere.clock.advance(hours=25)
    jobsphere.worker.wake()
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
