"""Deposits over HTTP: declines, 3-D Secure, events in any number and order, an outage of Stripe, refunds."""

import asyncio
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from jobsphere.database import reading
from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import wallet_debt
from jobsphere.ledger.tables import journal_entries
from jobsphere.refunds.tables import refunds
from jobsphere.webhooks.tables import webhook_events
from tests.journeys.conftest import CONNECT_SECRET, WEBHOOK_SECRET, JobSphere, Person


def signed(body: bytes, secret: str = WEBHOOK_SECRET, at: float | None = None) -> dict[str, str]:
    timestamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={timestamp},v1={digest}", "Content-Type": "application/json"}


async def deliver(jobsphere: JobSphere, event: dict[str, Any]) -> int:
    body = json.dumps(event).encode()
    answer = await jobsphere.http.post("/api/webhooks/stripe", content=body, headers=signed(body))
    return answer.status_code


def about(type_: str, stripe_object: dict[str, Any], id_: str = "evt_test") -> dict[str, Any]:
    return {"id": id_, "object": "event", "type": type_, "livemode": False, "data": {"object": stripe_object}}


async def started(customer: Person, card: str, amount: str = "50") -> Any:
    return await customer.done("/api/wallet/deposit", {"amount": amount, "paymentMethodId": card})


async def transaction(customer: Person) -> Any:
    return (await customer.data("/api/wallet/transactions"))["transactions"][0]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined"),
        ("pm_card_radarBlock", "card_declined"),
        ("pm_card_nobody_has_this", "payment_not_possible"),
    ],
)
async def test_a_declined_card_is_a_failed_transaction_with_a_plain_reason(
    jobsphere: JobSphere, card: str, code: str
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)

    deposit = await started(customer, card)

    assert (deposit["status"], deposit["failureCode"]) == ("failed", code)
    shown = await transaction(customer)
    assert (shown["status"], shown["failureReason"]) == ("failed", deposit["failureReason"])
    assert "stripe" not in shown["failureReason"].lower()
    assert await customer.wallet() == ("0.00", "0.00")
    [notice] = (await customer.data("/api/notifications"))["notifications"]
    assert notice["type"] == "payment_failed"


async def test_a_later_success_of_the_same_payment_completes_it(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, "pm_card_visa_chargeDeclined")

    await jobsphere.http.post(
        f"{jobsphere.sandbox_url}/v1/payment_intents/{deposit['stripePaymentIntentId']}/confirm",
        data={"payment_method": "pm_card_visa"},
        headers={"Authorization": "Bearer sk_test_sandbox"},
    )

    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    shown = await transaction(customer)
    assert (shown["status"], shown["failureReason"]) == ("completed", None)
    assert await customer.wallet() == ("50.00", "0.00")
    await jobsphere.books_hold()


async def test_3d_secure_is_answered_with_the_secret_and_credited_once_confirmed(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)

    deposit = await started(customer, "pm_card_threeDSecure2Required")

    assert (deposit["status"], deposit["state"]) == ("pending", "requires_action")
    assert "_secret_" in deposit["clientSecret"]
    again = await customer.data(f"/api/wallet/deposits/{deposit['depositId']}")
    assert again["clientSecret"] == deposit["clientSecret"]

    await jobsphere.sandbox.authenticate(deposit["stripePaymentIntentId"], succeed=True)
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    await jobsphere.books_hold()


async def test_3d_secure_refused_fails_the_deposit(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, "pm_card_threeDSecure2Required")

    await jobsphere.sandbox.authenticate(deposit["stripePaymentIntentId"], succeed=False)

    failed = await jobsphere.deposit_in(customer, deposit["depositId"], "failed")
    assert failed["failureCode"] == "authentication_failed"


async def test_the_answer_credits_nothing_only_the_event_does(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("hold")

    deposit = await started(customer, "pm_card_visa")

    assert (deposit["status"], deposit["state"]) == ("pending", "processing")
    assert await customer.wallet() == ("0.00", "0.00")
    await jobsphere.sandbox.set_delivery_mode("deliver")
    await jobsphere.sandbox.release()
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")


async def test_the_same_event_twenty_times_in_parallel_credits_once(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    deposit = await started(customer, "pm_card_visa")
    intent = {
        "id": deposit["stripePaymentIntentId"],
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 5000,
        "amount_received": 5000,
        "currency": "usd",
        "latest_charge": "ch_test",
        "metadata": {"deposit_id": deposit["depositId"]},
    }

    answers = await asyncio.gather(
        *(deliver(jobsphere, about("payment_intent.succeeded", intent)) for _ in range(20))
    )

    assert answers == [200] * 20
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    async with reading(jobsphere.engine) as connection:
        stored = await connection.scalar(select(func.count()).select_from(webhook_events))
        entries = await connection.scalar(select(func.count()).select_from(journal_entries))
    assert (stored, entries) == (1, 1)
    assert await customer.wallet() == ("50.00", "0.00")


async def test_different_events_of_one_success_credit_once_and_late_failures_change_nothing(
    jobsphere: JobSphere,
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await jobsphere.deposited(customer, "50")
    intent = {
        "id": deposit["stripePaymentIntentId"],
        "object": "payment_intent",
        "status": "requires_payment_method",
        "amount": 5000,
        "amount_received": 5000,
        "currency": "usd",
    }

    for number, type_ in enumerate(("succeeded", "payment_failed", "processing", "requires_action", "canceled")):
        assert await deliver(jobsphere, about(f"payment_intent.{type_}", intent, f"evt_{number}")) == 200

    await jobsphere.until("the inbox is empty", lambda: no_new_events(jobsphere))
    assert await customer.wallet() == ("50.00", "0.00")
    assert (await transaction(customer))["status"] == "completed"
    await jobsphere.books_hold()


async def no_new_events(jobsphere: JobSphere) -> bool:
    async with reading(jobsphere.engine) as connection:
        query = select(func.count()).where(webhook_events.c.status == "new")
        return (await connection.execute(query)).scalar_one() == 0


async def test_an_event_with_another_amount_credits_nothing_and_is_kept_for_a_person(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    deposit = await started(customer, "pm_card_visa")
    intent = {
        "id": deposit["stripePaymentIntentId"],
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 999900,
        "amount_received": 999900,
        "currency": "usd",
    }

    await deliver(jobsphere, about("payment_intent.succeeded", intent))

    async def failed() -> Any:
        async with reading(jobsphere.engine) as connection:
            return (await connection.execute(select(webhook_events.c.error))).scalar_one()

    why = await jobsphere.until("the event keeps its error", failed)
    assert why == f"UnexpectedAmount: deposit {deposit['depositId']}"
    assert await customer.wallet() == ("0.00", "0.00")


async def test_a_second_payment_for_one_deposit_is_kept_for_a_person(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await jobsphere.deposited(customer, "50")
    intent = {
        "id": "pi_of_nobody",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 5000,
        "amount_received": 5000,
        "currency": "usd",
        "metadata": {"deposit_id": deposit["depositId"]},
    }

    await deliver(jobsphere, about("payment_intent.succeeded", intent))

    async def failed() -> Any:
        async with reading(jobsphere.engine) as connection:
            query = select(webhook_events.c.error).where(webhook_events.c.event_key == "evt_test")
            return (await connection.execute(query)).scalar_one()

    assert (await jobsphere.until("the event keeps its error", failed)).startswith("OtherPaymentIntent: deposit ")
    assert await customer.wallet() == ("50.00", "0.00")


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        (lambda body: {}, "/api/webhooks/stripe"),
        (lambda body: signed(body, "whsec_wrong"), "/api/webhooks/stripe"),
        (lambda body: signed(body, CONNECT_SECRET), "/api/webhooks/stripe"),
        (lambda body: signed(body), "/api/webhooks/stripe/connect"),
        (lambda body: signed(body, at=time.time() - 400), "/api/webhooks/stripe"),
        (lambda body: signed(body, at=time.time() + 120), "/api/webhooks/stripe"),
        (lambda body: signed(body + b" "), "/api/webhooks/stripe"),
        (lambda body: {b"Stripe-Signature": "t=1,v1=ü".encode()}, "/api/webhooks/stripe"),
    ],
)
async def test_an_event_that_is_not_signed_right_is_refused_and_leaves_no_row(
    jobsphere: JobSphere, headers: Any, path: str
) -> None:
    body = json.dumps(about("payment_intent.succeeded", {})).encode()

    answer = await jobsphere.http.post(path, content=body, headers=headers(body))

    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_signature")
    async with reading(jobsphere.engine) as connection:
        assert await connection.scalar(select(func.count()).select_from(webhook_events)) == 0


async def test_a_signed_event_of_any_kind_is_kept(jobsphere: JobSphere) -> None:
    bodies = [
        json.dumps(about("balance_settings.updated", {}, "evt_unknown_type")).encode(),
        json.dumps({**about("payment_intent.succeeded", {}, "evt_live"), "livemode": True}).encode(),
        b"not json",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"object": "event"}',
        json.dumps(about("payment_intent.succeeded", {"id": 7}, "evt_odd")).encode(),
    ]

    for body in bodies:
        answer = await jobsphere.http.post("/api/webhooks/stripe", content=body, headers=signed(body))
        assert answer.status_code == 200, body[:40]

    await jobsphere.until("the inbox is empty", lambda: no_new_events(jobsphere))
    async with reading(jobsphere.engine) as connection:
        rows = await connection.execute(select(webhook_events).order_by(webhook_events.c.id))
        found = [(row.status, bytes(row.payload)) for row in rows]
    assert [status for status, _ in found] == ["ignored", *["parked"] * 6]
    assert [payload for _, payload in found] == bodies


async def test_a_lost_answer_is_asked_again_with_the_same_key(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.plan_faults(
        {"match": "POST /v1/customers", "kind": "drop_after", "times": 1},
        {"match": "POST /v1/payment_intents", "kind": "error_after", "times": 1},
        {"match": "POST /v1/payment_intents/*/confirm", "kind": "drop_after", "times": 1},
    )

    deposit = await started(customer, "pm_card_visa")

    assert deposit["status"] == "pending"
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    calls = [call for call in await jobsphere.sandbox.calls() if call["method"] == "POST"]
    for path in ("/v1/customers", "/v1/payment_intents"):
        assert len({call["idempotency_key"] for call in calls if call["path"] == path}) == 1
    assert await customer.wallet() == ("50.00", "0.00")
    await jobsphere.books_hold()


async def test_a_deposit_that_cannot_be_sent_for_an_hour_is_canceled_and_its_owner_told(
    jobsphere: JobSphere,
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/customers", "kind": "error_before", "times": 1000})
    answer = await customer.post(
        "/api/wallet/deposit", {"amount": 50, "paymentMethodId": "pm_card_visa"}, key="a-key"
    )
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "pending")
    again = await customer.post(
        "/api/wallet/deposit", {"amount": 50, "paymentMethodId": "pm_card_visa"}, key="a-key"
    )
    assert again.json()["data"]["depositId"] == answer.json()["data"]["depositId"]

    jobsphere.clock.advance(minutes=61)
    jobsphere.worker.wake()

    failed = await jobsphere.deposit_in(customer, answer.json()["data"]["depositId"], "failed")
    assert failed["failureCode"] == "payment_provider_unreachable"
    [notice] = (await customer.data("/api/notifications"))["notifications"]
    assert (notice["type"], notice["title"]) == ("payment_failed", "Deposit canceled")
    await jobsphere.books_hold()


async def test_a_deposit_whose_confirmation_was_never_answered_is_canceled_at_stripe_too(
    jobsphere: JobSphere,
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.plan_faults(
        {"match": "POST /v1/payment_intents/*/confirm", "kind": "error_before", "times": 1000}
    )
    deposit = await started(customer, "pm_card_visa")

    jobsphere.clock.advance(minutes=61)
    jobsphere.worker.wake()

    failed = await jobsphere.deposit_in(customer, deposit["depositId"], "failed")
    intent = await jobsphere.gateway.retrieve_payment_intent(failed["stripePaymentIntentId"])
    assert intent.status == "canceled"


async def test_a_charge_that_succeeded_without_an_answer_is_credited_however_late(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("hold")
    await jobsphere.sandbox.plan_faults(
        {"match": "POST /v1/payment_intents/*/confirm", "kind": "drop_after", "times": 1000}
    )
    deposit = await started(customer, "pm_card_visa")
    assert deposit["state"] == "confirming"

    jobsphere.clock.advance(minutes=61)
    jobsphere.worker.wake()

    # It is too late to cancel, so Stripe is asked what became of it.
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    jobsphere.clock.ahead = timedelta()
    await jobsphere.sandbox.set_delivery_mode("deliver")
    await jobsphere.sandbox.release()
    await jobsphere.until("the inbox is empty", lambda: no_new_events(jobsphere))
    assert await customer.wallet() == ("50.00", "0.00")
    await jobsphere.books_hold()


async def test_the_same_key_gives_the_same_answer_and_one_deposit(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    body = {"amount": 50, "paymentMethodId": "pm_card_threeDSecure2Required"}

    first = await customer.post("/api/wallet/deposit", body, key="the-key")
    second = await customer.post("/api/wallet/deposit", body, key="the-key")
    other = await customer.post("/api/wallet/deposit", {**body, "amount": 60}, key="the-key")

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await customer.data("/api/wallet/transactions"))["transactions"]) == 1


async def test_no_client_secret_is_stored(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    body = {"amount": 50, "paymentMethodId": "pm_card_threeDSecure2Required"}
    secret = (await customer.post("/api/wallet/deposit", body, key="k")).json()["data"]["clientSecret"]

    async with reading(jobsphere.engine) as connection:
        for table in ("deposits", "idempotency_keys", "transactions", "audit_log", "stripe_calls"):
            query = f"SELECT t::text FROM {table} AS t"  # noqa: S608 - names of our own
            rows = (await connection.exec_driver_sql(query)).scalars().all()
            assert not any(secret in row for row in rows), table


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (9.99, "amount_out_of_limits"),
        ("10000.01", "amount_out_of_limits"),
        ("10.001", "too_many_decimals"),
        (-20, "invalid_request"),
        (True, "invalid_request"),
        ("1e2", "invalid_request"),
        (None, "invalid_request"),
    ],
)
async def test_an_amount_that_is_not_possible_changes_nothing(
    jobsphere: JobSphere, amount: Any, code: str
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)

    answer = await customer.post("/api/wallet/deposit", {"amount": amount, "paymentMethodId": "pm_card_visa"})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await customer.data("/api/wallet/transactions"))["transactions"] == []


@pytest.mark.parametrize("amount", ["10", "10000", 10, 10000.0])
async def test_both_ends_of_the_limits_are_allowed(jobsphere: JobSphere, amount: Any) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)

    assert (await started(customer, "pm_card_visa", amount))["status"] == "pending"


async def test_refunds_made_in_stripes_dashboard_are_booked_once_each_and_the_rest_is_a_debt(
    jobsphere: JobSphere,
) -> None:
    customer, _ = await jobsphere.earned("100", deposit="200")
    charge = (await customer.data("/api/wallet/transactions"))["transactions"][-1]["stripeChargeId"]

    await jobsphere.sandbox.dashboard_refund(charge, 3000)
    await jobsphere.until("the first refund is booked", lambda: wallet_is(customer, "65.00"))
    await jobsphere.sandbox.dashboard_refund(charge, 10000)
    await jobsphere.until("the second refund is booked", lambda: wallet_is(customer, "0.00"))
    for event in await jobsphere.events("charge.refunded"):
        await jobsphere.sandbox.resend(event["event"])
    await jobsphere.until("the inbox is empty", lambda: no_new_events(jobsphere))

    assert await jobsphere.balance_minor(wallet_debt(customer.id, "usd")) == 3500
    assert await jobsphere.card_money_minor() == 20000 - 13000
    async with reading(jobsphere.engine) as connection:
        assert await connection.scalar(select(func.count()).select_from(refunds)) == 2
    shown = (await customer.data("/api/wallet/transactions"))["transactions"][:2]
    assert [(one["type"], one["amount"]) for one in shown] == [("refund", "100.00"), ("refund", "30.00")]
    await jobsphere.books_hold()


async def wallet_is(person: Person, balance: str) -> bool:
    return (await person.wallet())[0] == balance


async def test_somebody_elses_deposit_is_not_to_be_seen(jobsphere: JobSphere) -> None:
    customer, other = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, "pm_card_visa")

    answer = await other.get(f"/api/wallet/deposits/{deposit['depositId']}")

    assert (answer.status_code, answer.json()["code"]) == (404, "deposit_not_found")
