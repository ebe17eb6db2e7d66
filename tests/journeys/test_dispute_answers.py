"""Answers to disputes over HTTP: evidence collected and submitted once, acceptance, deadlines, fraud warnings."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from jobsphere.disputes.remind import remind_due
from jobsphere.identity.people import Role
from tests.journeys.conftest import JobSphere, Person
from tests.journeys.test_disputes import charge_of, in_state, types


async def disputed(jobsphere: JobSphere) -> tuple[Person, Person, str]:
    """Who paid and completed a job, an admin, and the path of the dispute."""
    admin = await jobsphere.person(Role.ADMIN)
    customer, _ = await jobsphere.earned("100", deposit="200")
    await jobsphere.sandbox.dispute(await charge_of(customer))
    await in_state(jobsphere, "open")
    [found] = (await admin.data("/api/admin/disputes?undecided=true"))["disputes"]
    return customer, admin, f"/api/admin/disputes/{found['disputeId']}"


async def answer_in(jobsphere: JobSphere, admin: Person, path: str, state: str) -> Any:
    async def reached() -> Any:
        given = (await admin.data(path))["answers"]
        return given[-1] if given and given[-1]["state"] == state else None

    return await jobsphere.until(f"answer {state}", reached)


async def test_what_is_known_is_collected(jobsphere: JobSphere) -> None:
    customer, admin, path = await disputed(jobsphere)

    evidence = await admin.data(f"{path}/evidence")

    assert evidence["customer_email_address"] == f"{customer.id}@example.com"
    assert "With it the customer paid 100.00 USD for “Paint”." in evidence["product_description"]
    log = evidence["access_activity_log"].splitlines()
    whats = [line.partition("UTC  ")[2] for line in log]
    assert whats[0] == "The customer registered."
    assert whats[1].startswith("The customer paid 200.00 USD by card")
    assert whats[-1] == "The customer confirmed that the work is done."
    assert evidence["service_date"]
    assert (await customer.get(f"{path}/evidence")).status_code == 403


async def test_evidence_is_submitted_once_and_may_win(jobsphere: JobSphere) -> None:
    customer, admin, path = await disputed(jobsphere)

    first = await admin.post(f"{path}/evidence", {"statement": "winning_evidence"}, key="k")
    again = await admin.post(f"{path}/evidence", {"statement": "winning_evidence"}, key="k")
    other = await admin.post(f"{path}/evidence", {"statement": "losing_evidence"})

    assert (first.status_code, first.json()) == (201, again.json())
    assert (other.status_code, other.json()["code"]) == (409, "dispute_not_answerable")
    sent = await answer_in(jobsphere, admin, path, "sent")
    assert sent["evidence"]["uncategorized_text"] == "winning_evidence"
    await in_state(jobsphere, "under_review")
    await jobsphere.sandbox.advance(days=30)
    await in_state(jobsphere, "won")
    assert await customer.wallet() == ("95.00", "0.00")
    await jobsphere.books_hold()


@pytest.mark.parametrize("kind", ["error_before", "error_after", "drop_after"])
async def test_a_lost_answer_of_stripe_submits_once(jobsphere: JobSphere, kind: str) -> None:
    _, admin, path = await disputed(jobsphere)
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/disputes/*", "kind": kind, "times": 2})

    await admin.done(f"{path}/evidence", {"statement": "losing_evidence"})

    async def sent() -> bool:
        jobsphere.clock.advance(seconds=30)
        jobsphere.worker.wake()
        return bool((await admin.data(path))["answers"][-1]["state"] == "sent")

    await jobsphere.until("the answer is sent", sent)
    found = await admin.data(path)
    stripe = await jobsphere.gateway.retrieve_dispute(found["stripeDisputeId"])
    assert stripe.submissions == 1


async def test_a_dispute_that_is_accepted_is_lost(jobsphere: JobSphere) -> None:
    customer, admin, path = await disputed(jobsphere)

    await admin.done(f"{path}/accept", {"reason": "The customer is right"})

    await answer_in(jobsphere, admin, path, "sent")
    await in_state(jobsphere, "lost")
    assert (await customer.data("/api/wallet"))["debt"] == "105.00"
    assert (await admin.post(f"{path}/evidence", {})).json()["code"] == "dispute_not_answerable"
    await jobsphere.books_hold()


async def test_an_inquiry_is_not_accepted_but_refunded(jobsphere: JobSphere) -> None:
    admin, customer = await jobsphere.person(Role.ADMIN), await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, "100")
    await jobsphere.sandbox.dispute(await charge_of(customer), case="inquiry")
    await in_state(jobsphere, "inquiry")
    [found] = (await admin.data("/api/admin/disputes"))["disputes"]

    answer = await admin.post(f"/api/admin/disputes/{found['disputeId']}/accept", {"reason": "Right"})

    assert (answer.status_code, answer.json()["code"]) == (409, "dispute_not_answerable")
    quote = await admin.data(f"/api/admin/deposits/{found['depositId']}/refund/quote")
    assert quote["refundable"] == "100.00"


async def test_admins_are_reminded_three_times_before_evidence_is_due(jobsphere: JobSphere) -> None:
    _, admin, path = await disputed(jobsphere)
    due = datetime.fromisoformat((await admin.data(path))["evidenceDueAt"])
    bodies = []
    for hours in (73, 71, 70, 23, 5, 4):
        await remind_due(jobsphere.engine, now=due - timedelta(hours=hours))
        told = (await admin.data("/api/notifications"))["notifications"]
        bodies.append([one["body"] for one in told if one["title"] == "Evidence is due"])

    assert [len(found) for found in bodies] == [0, 1, 1, 2, 3, 3]
    assert [
        words in body for words, body in zip(("6 hours", "24 hours", "72 hours"), bodies[-1], strict=True)
    ] == [True] * 3
    await admin.done(f"{path}/evidence", {})
    await remind_due(jobsphere.engine, now=due - timedelta(hours=1))
    assert (await types(admin)).count("dispute_to_answer") == 4


async def test_a_fraud_warning_opens_a_review_and_proposes_a_refund(jobsphere: JobSphere) -> None:
    admin, customer = await jobsphere.person(Role.ADMIN), await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, "100")
    warning = await jobsphere.sandbox.warn_of_fraud(await charge_of(customer))

    async def told() -> Any:
        return (await admin.data("/api/notifications"))["notifications"]

    [notice] = await jobsphere.until("the admin is told", told)
    assert (notice["type"], "100.00 USD of it is unspent" in notice["body"]) == ("fraud_warning", True)
    [found] = (await admin.data("/api/admin/fraud-warnings?open=true"))["fraudWarnings"]
    assert found["fraudType"] == warning["fraud_type"]
    assert await customer.wallet() == ("100.00", "0.00")

    path = f"/api/admin/fraud-warnings/{found['fraudWarningId']}/review"
    reviewed = await admin.done(path, {"reason": "Called the customer"})
    assert reviewed["state"] == "reviewed"
    assert (await admin.post(path, {"reason": "Again"})).json()["code"] == "fraud_warning_not_found"


async def test_a_warning_of_a_payment_that_is_refunded_is_overtaken(jobsphere: JobSphere) -> None:
    admin, customer = await jobsphere.person(Role.ADMIN), await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, "100")
    await jobsphere.deposited(customer, "100")
    charge = await charge_of(customer)
    await jobsphere.sandbox.warn_of_fraud(charge)
    await jobsphere.sandbox.dashboard_refund(charge)

    async def overtaken() -> bool:
        found = (await admin.data("/api/admin/fraud-warnings"))["fraudWarnings"]
        return [one["state"] for one in found] == ["overtaken"]

    await jobsphere.until("the warning is overtaken", overtaken)
    assert (await admin.data("/api/admin/fraud-warnings?open=true"))["fraudWarnings"] == []
