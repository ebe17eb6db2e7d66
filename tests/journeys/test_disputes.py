"""Disputes over HTTP with the sandbox: won, lost, inquiries, several of one charge, after refunds, spent money."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from jobsphere.database import reading
from jobsphere.disputes.tables import disputes
from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import dispute_costs, platform_losses
from jobsphere.webhooks.tables import webhook_events
from tests.journeys.conftest import JobSphere, Person

EVENTS = "created updated funds_withdrawn funds_reinstated closed"


async def charge_of(person: Person) -> str:
    return str((await person.data("/api/wallet/transactions"))["transactions"][-1]["stripeChargeId"])


async def in_state(jobsphere: JobSphere, *states: str) -> None:
    """Wait until our disputes are in these states, oldest first, and the inbox is empty."""

    async def reached() -> bool:
        async with reading(jobsphere.engine) as connection:
            found = (await connection.execute(select(disputes.c.state).order_by(disputes.c.id))).scalars().all()
            waiting = await connection.scalar(
                select(webhook_events.c.id).where(webhook_events.c.status == "new").limit(1)
            )
        return tuple(found) == states and waiting is None

    await jobsphere.until(f"disputes {states}", reached)


async def again(jobsphere: JobSphere) -> None:
    """Every event of disputes once more, the last first."""
    for kind in reversed(EVENTS.split()):
        for event in reversed(await jobsphere.events(f"charge.dispute.{kind}")):
            await jobsphere.sandbox.resend(event["event"])


async def paid(jobsphere: JobSphere, amount: str) -> Person:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, amount)
    return customer


async def offered(customer: Person, contractor: Person, amount: str) -> tuple[Any, Any]:
    job = (await customer.done("/api/jobs", {"title": "Paint", "description": "All of it."}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": amount}
    return job, (await customer.done("/api/offers", body))["offer"]


async def types(person: Person) -> list[str]:
    return [one["type"] for one in (await person.data("/api/notifications"))["notifications"]]


async def test_a_dispute_that_is_won_gives_everything_back(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    dispute = await jobsphere.sandbox.dispute(await charge_of(customer))
    await in_state(jobsphere, "open")
    assert await customer.wallet() == ("0.00", "0.00")
    [shown] = [
        t for t in (await customer.data("/api/wallet/transactions"))["transactions"] if t["type"] == "dispute"
    ]
    assert (shown["status"], shown["amount"]) == ("pending", "100.00")
    await jobsphere.books_hold()

    await jobsphere.sandbox.decide_dispute(dispute["id"], "won", fee_returned=True)
    await in_state(jobsphere, "won")
    await again(jobsphere)
    await in_state(jobsphere, "won")

    assert await customer.wallet() == ("100.00", "0.00")
    assert await jobsphere.balance_minor(dispute_costs("usd")) == 0
    assert await types(customer) == ["dispute_won", "dispute_opened", "payment_received"]
    assert not (await customer.data("/api/wallet"))["isFrozen"]
    await jobsphere.books_hold()


async def test_a_dispute_that_is_lost_takes_what_was_frozen_and_blocks_the_wallet(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    dispute = await jobsphere.sandbox.dispute(await charge_of(customer), 4_000)
    await in_state(jobsphere, "open")
    assert await customer.wallet() == ("60.00", "0.00")

    await jobsphere.sandbox.decide_dispute(dispute["id"], "lost")
    await in_state(jobsphere, "lost")

    assert await customer.wallet() == ("60.00", "0.00")
    assert await jobsphere.balance_minor(dispute_costs("usd")) == 1_500
    [freeze] = (await customer.data("/api/wallet"))["freezes"]
    assert freeze["level"] == "outgoing"
    assert (await types(customer))[:2] == ["wallet_frozen", "dispute_lost"]
    await jobsphere.books_hold()


async def test_nothing_is_refunded_while_a_charge_is_disputed_nor_what_was_lost(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    deposit = (await customer.data("/api/wallet/transactions"))["transactions"][-1]["id"]
    path = f"/api/wallet/deposits/{deposit}/refund"
    dispute = await jobsphere.sandbox.dispute(await charge_of(customer), 4_000)
    await in_state(jobsphere, "open")

    said = await customer.data(f"{path}/quote")
    assert (said["refundable"], said["reason"], said["disputed"]) == ("0.00", "disputed", "40.00")
    assert (await customer.post(path, {})).json()["code"] == "not_refundable"

    await jobsphere.sandbox.decide_dispute(dispute["id"], "lost")
    await in_state(jobsphere, "lost")
    said = await customer.data(f"{path}/quote")
    assert (said["refundable"], said["reason"], said["disputed"]) == ("60.00", None, "40.00")


async def test_spent_money_is_frozen_where_it_is_and_thaws_exactly(jobsphere: JobSphere) -> None:
    customer, contractor = await paid(jobsphere, "300"), await jobsphere.person(Role.CONTRACTOR)
    job, offer = await offered(customer, contractor, "100")
    await contractor.done(f"/api/offers/{offer['id']}/accept")
    await offered(customer, contractor, "100")
    assert await customer.wallet() == ("90.00", "205.00")

    dispute = await jobsphere.sandbox.dispute(await charge_of(customer), 25_000)
    await in_state(jobsphere, "open")

    # 90.00 and the open offer's 105.00 are not enough: 55.00 more is frozen in the escrow of the job.
    assert await customer.wallet() == ("0.00", "45.00")
    assert (await customer.data(f"/api/jobs/{job['id']}"))["job"]["state"] == "paused"
    assert "job_paused" in await types(contractor)
    answer = await customer.post(f"/api/jobs/{job['id']}/complete")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_assigned")
    await jobsphere.books_hold()

    await jobsphere.sandbox.decide_dispute(dispute["id"], "won")
    await in_state(jobsphere, "won")

    assert await customer.wallet() == ("195.00", "100.00")
    await customer.done(f"/api/jobs/{job['id']}/complete")
    assert await contractor.wallet() == ("80.00", "0.00")
    assert "job_resumed" in await types(contractor)
    await jobsphere.books_hold()


async def test_a_job_whose_money_is_lost_is_canceled_and_the_rest_goes_back(jobsphere: JobSphere) -> None:
    customer, contractor = await paid(jobsphere, "200"), await jobsphere.person(Role.CONTRACTOR)
    job, offer = await offered(customer, contractor, "100")
    await contractor.done(f"/api/offers/{offer['id']}/accept")

    dispute = await jobsphere.sandbox.dispute(await charge_of(customer), 15_000)
    await in_state(jobsphere, "open")
    assert await customer.wallet() == ("0.00", "45.00")
    await jobsphere.sandbox.decide_dispute(dispute["id"], "lost")
    await in_state(jobsphere, "lost")

    assert await customer.wallet() == ("45.00", "0.00")
    assert (await customer.data(f"/api/jobs/{job['id']}"))["job"]["state"] == "canceled"
    assert "job_canceled" in await types(contractor)
    await jobsphere.books_hold()


async def test_a_contractor_keeps_the_earnings_of_a_completed_job_and_the_rest_is_a_debt(
    jobsphere: JobSphere,
) -> None:
    customer, contractor = await jobsphere.earned("100", deposit="200")

    dispute = await jobsphere.sandbox.dispute(await charge_of(customer))
    await in_state(jobsphere, "open")
    assert await customer.wallet() == ("0.00", "0.00")
    [freeze] = (await customer.data("/api/wallet"))["freezes"]
    assert freeze["level"] == "outgoing"
    await jobsphere.sandbox.decide_dispute(dispute["id"], "lost")
    await in_state(jobsphere, "lost")

    assert await contractor.wallet() == ("80.00", "0.00")
    wallet = await customer.data("/api/wallet")
    assert (wallet["debt"], wallet["debts"][0]["origin"]) == ("105.00", "dispute")
    assert await jobsphere.balance_minor(platform_losses("usd")) == 0
    await jobsphere.deposited(customer, "150")
    assert (await customer.data("/api/wallet"))["debt"] == "0.00"
    assert await customer.wallet() == ("45.00", "0.00")
    await jobsphere.books_hold()


async def test_an_inquiry_moves_nothing_until_it_escalates(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    inquiry = await jobsphere.sandbox.dispute(await charge_of(customer), case="inquiry")
    await in_state(jobsphere, "inquiry")
    assert await customer.wallet() == ("100.00", "0.00")

    await jobsphere.sandbox.escalate_inquiry(inquiry["id"])
    await in_state(jobsphere, "open")

    assert await customer.wallet() == ("0.00", "0.00")
    await jobsphere.books_hold()


async def test_an_inquiry_that_is_closed_has_moved_nothing(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    inquiry = await jobsphere.sandbox.dispute(await charge_of(customer), case="inquiry")
    await in_state(jobsphere, "inquiry")

    await jobsphere.sandbox.decide_dispute(inquiry["id"], "lost")
    await in_state(jobsphere, "closed")

    assert await customer.wallet() == ("100.00", "0.00")
    assert await types(customer) == ["payment_received"]
    await jobsphere.books_hold()


async def test_two_disputes_of_one_charge_hold_no_more_than_was_paid(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    await jobsphere.deposited(customer, "70")
    charge = await charge_of(customer)

    first = await jobsphere.sandbox.dispute(charge, 7_000)
    await in_state(jobsphere, "open")
    second = await jobsphere.sandbox.dispute(charge, 7_000)
    await in_state(jobsphere, "open", "open")

    # 70.00 and 30.00 of what was paid, whatever the banks ask for.
    assert await customer.wallet() == ("70.00", "0.00")
    await jobsphere.books_hold()
    await jobsphere.sandbox.decide_dispute(first["id"], "won")
    await jobsphere.sandbox.decide_dispute(second["id"], "lost")
    await in_state(jobsphere, "won", "lost")
    # The second took 70.00 at Stripe: what was not frozen for it is taken from the wallet as a debt.
    assert await customer.wallet() == ("100.00", "0.00")
    await jobsphere.books_hold()


async def test_a_dispute_after_a_refund_freezes_only_what_is_left(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")
    await jobsphere.deposited(customer, "50")
    charge = await charge_of(customer)
    await jobsphere.sandbox.dashboard_refund(charge, 6_000)

    async def refunded() -> bool:
        return (await customer.wallet())[0] == "90.00"

    await jobsphere.until("the refund is booked", refunded)
    dispute = await jobsphere.sandbox.dispute(charge)
    await in_state(jobsphere, "open")

    assert await customer.wallet() == ("50.00", "0.00")
    await jobsphere.sandbox.decide_dispute(dispute["id"], "won")
    await in_state(jobsphere, "won")
    assert await customer.wallet() == ("90.00", "0.00")
    await jobsphere.books_hold()


Decide = Callable[[JobSphere, str], Awaitable[Any]]


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_the_last_event_alone_leads_to_the_same_books(jobsphere: JobSphere, outcome: Any) -> None:
    customer = await paid(jobsphere, "100")
    await jobsphere.sandbox.set_delivery_mode("drop")
    dispute = await jobsphere.sandbox.dispute(await charge_of(customer), 4_000)
    await jobsphere.sandbox.decide_dispute(dispute["id"], outcome)
    await jobsphere.sandbox.set_delivery_mode("deliver")

    [closed] = await jobsphere.events("charge.dispute.closed")
    await jobsphere.sandbox.resend(closed["event"])
    await in_state(jobsphere, outcome)

    assert await customer.wallet() == ("100.00" if outcome == "won" else "60.00", "0.00")
    assert await jobsphere.balance_minor(dispute_costs("usd")) == 1_500
    await jobsphere.books_hold()


async def test_what_was_given_back_at_once_is_lost(jobsphere: JobSphere) -> None:
    customer = await paid(jobsphere, "100")

    await jobsphere.sandbox.dispute(await charge_of(customer), 4_000, case="resolution")
    await in_state(jobsphere, "lost")

    assert await customer.wallet() == ("60.00", "0.00")
    assert await jobsphere.balance_minor(dispute_costs("usd")) == 0
    await jobsphere.books_hold()
