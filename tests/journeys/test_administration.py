"""What operators do over HTTP: look at events that need them, and let them be processed again."""

import json
from typing import Any

from sqlalchemy import update

from jobsphere.database import in_own_transaction
from jobsphere.identity.people import Role
from jobsphere.webhooks.tables import webhook_events
from tests.journeys.conftest import JobSphere
from tests.journeys.test_deposits import about, signed


async def parked(jobsphere: JobSphere, event: dict[str, Any]) -> tuple[Any, int]:
    """An admin, and the id of the event they see parked."""
    body = json.dumps(event).encode()
    answer = await jobsphere.http.post("/api/webhooks/stripe", content=body, headers=signed(body))
    assert answer.status_code == 200
    admin = await jobsphere.person(Role.ADMIN)

    async def seen() -> Any:
        return (await admin.data("/api/admin/webhook-events/parked"))["events"]

    [found] = await jobsphere.until("the event is parked", seen)
    assert found["eventId"] == event["id"]
    return admin, found["id"]


async def test_a_parked_event_is_seen_and_processed_again(jobsphere: JobSphere) -> None:
    admin, event_id = await parked(jobsphere, about("payment_intent.succeeded", {"id": 7}))

    answer = await admin.post(f"/api/admin/webhook-events/{event_id}/replay")

    assert answer.status_code == 202

    async def parked_again() -> bool:
        [found] = (await admin.data("/api/admin/webhook-events/parked"))["events"]
        return bool(found["tries"] == 1 and found["error"] == "UnreadableObject: an object without id")

    await jobsphere.until("it was tried and is parked again", parked_again)


async def test_an_event_of_the_other_mode_is_never_processed(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    deposit = await customer.done("/api/wallet/deposit", {"amount": 50, "paymentMethodId": "pm_card_visa"})
    intent = {
        "id": deposit["stripePaymentIntentId"],
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 5000,
        "amount_received": 5000,
        "currency": "usd",
    }
    live = {**about("payment_intent.succeeded", intent), "livemode": True}
    admin, event_id = await parked(jobsphere, live)

    answer = await admin.post(f"/api/admin/webhook-events/{event_id}/replay")

    assert (answer.status_code, answer.json()["code"]) == (404, "event_not_parked")
    assert await customer.wallet() == ("0.00", "0.00")


async def test_an_event_that_keeps_failing_is_parked_after_its_last_try(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    deposit = await customer.done("/api/wallet/deposit", {"amount": 50, "paymentMethodId": "pm_card_visa"})
    intent = {
        "id": deposit["stripePaymentIntentId"],
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 1,
        "amount_received": 1,
        "currency": "usd",
    }

    @in_own_transaction
    async def let_it_be_the_last_try(connection: Any) -> None:
        await connection.execute(update(webhook_events).values(tries=11, next_try_at=jobsphere.clock.now()))

    body = json.dumps(about("payment_intent.succeeded", intent)).encode()
    await jobsphere.http.post("/api/webhooks/stripe", content=body, headers=signed(body))
    await let_it_be_the_last_try(jobsphere.engine)
    admin = await jobsphere.person(Role.ADMIN)

    async def seen() -> Any:
        return (await admin.data("/api/admin/webhook-events/parked"))["events"]

    [found] = await jobsphere.until("the event is parked", seen)
    assert found["error"].startswith("UnexpectedAmount: deposit ")


async def test_a_payout_account_is_opened_without_a_body(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)

    answer = await contractor.post("/api/wallet/connect")

    assert answer.status_code == 200
    assert answer.json()["data"]["onboardingUrl"].startswith(jobsphere.sandbox_url)
