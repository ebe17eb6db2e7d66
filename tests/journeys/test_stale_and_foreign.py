"""Answers and events that are late, of another account, or of other money than they say."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import func, select, update

from jobsphere.database import in_own_transaction, reading
from jobsphere.identity.people import Role
from jobsphere.stripe_gateway.errors import Refused
from jobsphere.webhooks.tables import webhook_events
from jobsphere.withdrawals import reasons, store
from jobsphere.withdrawals.lifecycle import transfer_must_wait, transfer_refused
from jobsphere.withdrawals.send import _Sender
from jobsphere.withdrawals.tables import withdrawals
from tests.journeys.conftest import CONNECT_SECRET, JobSphere
from tests.journeys.test_deposits import about, signed
from tests.journeys.test_withdrawals import made, withdrawn


async def event_status(jobsphere: JobSphere, status: str) -> bool:
    async with reading(jobsphere.engine) as connection:
        query = select(webhook_events.c.status).where(webhook_events.c.event_key == "evt_test")
        return bool((await connection.execute(query)).scalar_one() == status)


async def parked_error(jobsphere: JobSphere) -> str:
    async def parked() -> Any:
        async with reading(jobsphere.engine) as connection:
            query = select(webhook_events.c.error).where(webhook_events.c.event_key == "evt_test")
            return (await connection.execute(query)).scalar_one()

    return str(await jobsphere.until("the event keeps why it was not applied", parked))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [(transfer_must_wait, reasons.PLATFORM_FUNDS_PENDING), (transfer_refused, reasons.TRANSFER_REFUSED)],
)
async def test_a_late_refusal_of_an_old_attempt_ends_nothing_and_makes_no_second_transfer(
    jobsphere: JobSphere, rule: Any, reason: Any
) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("hold")
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/transfers", "kind": "drop_after", "times": 1000})
    withdrawal_id = await withdrawn(contractor)
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "transferring")
    async with reading(jobsphere.engine) as connection:
        at_first = await store.find(connection, (await connection.execute(select(withdrawals.c.id))).scalar_one())

    @in_own_transaction
    async def next_attempt(connection: Any) -> None:
        await connection.execute(update(withdrawals).values(transfer_attempt=2))

    await next_attempt(jobsphere.engine)
    late = _Sender(jobsphere.engine, jobsphere.gateway, jobsphere.clock)
    await late._take(at_first, rule, reason, refused=(at_first.transfer_key, Refused("create_transfer", "late")))

    found = await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}")
    assert found["state"] == "transferring"
    assert await contractor.wallet() == ("0.00", "0.00")
    async with reading(jobsphere.engine) as connection:
        attempt = (await connection.execute(select(withdrawals.c.transfer_attempt))).scalar_one()
    assert attempt == 2


async def test_a_second_worker_leaves_a_withdrawal_alone_while_the_first_waits_for_stripe(
    jobsphere: JobSphere,
) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/transfers", "kind": "slow", "seconds": 1.0})

    withdrawal_id = await withdrawn(contractor)

    # The worker looks every 50 ms, so it would have met itself.
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    posts = [one for one in await jobsphere.sandbox.calls() if one["path"] == "/v1/transfers"]
    assert [one["status"] for one in posts] == [200]


@pytest.mark.parametrize("account", ["acct_of_somebody_else", None])
async def test_a_payment_on_another_account_credits_nobody(jobsphere: JobSphere, account: str | None) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/customers", "kind": "error_before", "times": 1000})
    deposit = await customer.done("/api/wallet/deposit", {"amount": 5000, "paymentMethodId": "pm_card_visa"})
    intent = {
        "id": "pi_elsewhere",
        "object": "payment_intent",
        "status": "succeeded",
        "amount": 500000,
        "amount_received": 500000,
        "currency": "usd",
        "metadata": {"deposit_id": deposit["depositId"]},
    }
    event = about("payment_intent.succeeded", intent) | ({"account": account} if account else {})
    body = json.dumps(event).encode()

    headers = signed(body, CONNECT_SECRET)
    answer = await jobsphere.http.post("/api/webhooks/stripe/connect", content=body, headers=headers)

    assert answer.status_code == 200
    await jobsphere.until("it is ignored", lambda: event_status(jobsphere, "ignored"))
    assert await customer.wallet() == ("0.00", "0.00")


async def test_a_transfer_of_another_amount_is_kept_for_a_person(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    await jobsphere.sandbox.set_delivery_mode("drop")
    await jobsphere.sandbox.plan_faults({"match": "GET /v1/balance", "kind": "error_before", "times": 1000})
    withdrawal_id = await withdrawn(contractor)
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
    transfer = {
        "id": "tr_other",
        "object": "transfer",
        "amount": 1000,
        "currency": "usd",
        "destination": account_id,
        "metadata": {"withdrawal_id": withdrawal_id},
    }
    body = json.dumps(about("transfer.created", transfer)).encode()

    await jobsphere.http.post("/api/webhooks/stripe", content=body, headers=signed(body))

    assert (await parked_error(jobsphere)).startswith("UnexpectedReport: withdrawal ")
    assert (await contractor.data(f"/api/wallet/withdrawals/{withdrawal_id}"))["state"] == "reserved"


async def test_a_transfer_reversed_by_hand_returns_the_money_all_the_same(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = await withdrawn(contractor)
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await jobsphere.sandbox.set_delivery_mode("hold")
    await jobsphere.sandbox.fail_payout(sent["payoutId"])
    reversed_by_hand = await jobsphere.http.post(
        f"{jobsphere.sandbox_url}/v1/transfers/{sent['transferId']}/reversals",
        headers={"Authorization": "Bearer sk_test_sandbox"},
    )
    assert reversed_by_hand.status_code == 200

    await jobsphere.sandbox.set_delivery_mode("deliver")
    await jobsphere.sandbox.release()

    await jobsphere.withdrawal_in(contractor, withdrawal_id, "returned")
    assert await contractor.wallet() == ("80.00", "0.00")
    assert len(await made(jobsphere, f"/v1/transfers/{sent['transferId']}/reversals")) == 1
    await jobsphere.books_hold()


async def test_an_old_event_reopens_no_declined_deposit(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    body = {"amount": 50, "paymentMethodId": "pm_card_visa_chargeDeclined"}
    deposit = await customer.done("/api/wallet/deposit", body)
    intent = {
        "id": deposit["stripePaymentIntentId"],
        "object": "payment_intent",
        "status": "requires_action",
        "amount": 5000,
        "currency": "usd",
    }
    event = json.dumps(about("payment_intent.requires_action", intent)).encode()

    await jobsphere.http.post("/api/webhooks/stripe", content=event, headers=signed(event))

    async def processed() -> bool:
        async with reading(jobsphere.engine) as connection:
            query = select(func.count()).where(webhook_events.c.status == "new")
            return (await connection.execute(query)).scalar_one() == 0

    await jobsphere.until("the inbox is empty", processed)
    shown = await customer.data(f"/api/wallet/deposits/{deposit['depositId']}")
    assert (shown["status"], shown["failureCode"]) == ("failed", "card_declined")


async def test_a_deposit_is_shown_while_stripe_is_down(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    body = {"amount": 50, "paymentMethodId": "pm_card_threeDSecure2Required"}
    started = await customer.post("/api/wallet/deposit", body, key="k")
    await jobsphere.sandbox.plan_faults({"match": "GET /v1/payment_intents/*", "kind": "error_before", "times": 9})

    shown = await customer.data(f"/api/wallet/deposits/{started.json()['data']['depositId']}")
    again = await customer.post("/api/wallet/deposit", body, key="k")

    assert (shown["state"], shown["clientSecret"]) == ("requires_action", None)
    assert again.status_code == started.status_code


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00"]
)
async def test_a_crafted_cursor_is_refused(jobsphere: JobSphere, moment: str) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    cursor = base64.urlsafe_b64encode(f"{moment} {customer.id}".encode()).decode().rstrip("=")

    answer = await customer.get(f"/api/wallet/transactions?cursor={cursor}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
