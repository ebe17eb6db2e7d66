"""Refunds over HTTP: quoted, asked for, partial and several, failing late, refused, without an answer, spent."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from jobsphere.database import reading
from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import refund_in_transit
from jobsphere.webhooks.failures import TRIES_MAX
from jobsphere.webhooks.tables import webhook_events
from tests.journeys.conftest import JobSphere, Person
from tests.journeys.test_deposits import no_new_events


async def wallet_is(person: Person, balance: str) -> bool:
    return (await person.wallet())[0] == balance


async def refund_in(jobsphere: JobSphere, person: Person, refund_id: str, state: str) -> Any:
    async def reached() -> Any:
        found = (await person.data("/api/wallet/refunds"))["refunds"]
        return next((one for one in found if one["refundId"] == refund_id and one["state"] == state), None)

    return await jobsphere.until(f"refund {state}", reached)


async def paid(jobsphere: JobSphere, amount: str, card: str = "pm_card_bypassPending") -> tuple[Person, str]:
    """A customer and their deposit, which is in the wallet."""
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await jobsphere.deposited(customer, amount, card)
    return customer, f"/api/wallet/deposits/{deposit['depositId']}/refund"


async def types(person: Person) -> list[str]:
    return [one["type"] for one in (await person.data("/api/notifications"))["notifications"]]


async def test_a_customer_sees_what_is_possible_and_gets_it_back_in_parts(jobsphere: JobSphere) -> None:
    # Stripe keeps its fee of a refunded payment: somebody else's money must cover the last refund.
    await paid(jobsphere, "100")
    customer, path = await paid(jobsphere, "100")

    said = await customer.data(f"{path}/quote")
    assert (said["refundable"], said["reason"], said["balance"]) == ("100.00", None, "100.00")
    first = await customer.done(path, {"amount": "30"})
    assert (first["status"], first["amount"], first["madeAtStripe"]) == ("pending", "30.00", False)
    assert await customer.wallet() == ("70.00", "0.00")
    said = await customer.data(f"{path}/quote")
    assert (said["refundable"], said["refunded"]) == ("70.00", "30.00")
    rest = await customer.done(path, {})
    assert rest["amount"] == "70.00"

    for refund in (first, rest):
        done = await refund_in(jobsphere, customer, refund["refundId"], "succeeded")
        assert done["stripeRefundId"].startswith("re_")
    answer = await customer.post(path, {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_refundable")
    assert (await customer.data(f"{path}/quote"))["reason"] == "nothing_left"
    shown = (await customer.data("/api/wallet/transactions"))["transactions"][:2]
    assert [(one["type"], one["status"]) for one in shown] == [("refund", "completed")] * 2
    assert await types(customer) == ["payment_refunded", "payment_refunded", "payment_received"]
    await jobsphere.books_hold()


async def test_the_same_key_asks_once(jobsphere: JobSphere) -> None:
    customer, path = await paid(jobsphere, "100")

    first = await customer.post(path, {"amount": "30"}, key="k")
    second = await customer.post(path, {"amount": "30"}, key="k")

    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert await customer.wallet() == ("70.00", "0.00")


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        ("100.01", 422, "more_than_refundable"),
        ("0", 422, "more_than_refundable"),
        ("1.001", 422, "too_many_decimals"),
        (-5, 422, "invalid_request"),
    ],
)
async def test_what_is_not_possible_changes_nothing(
    jobsphere: JobSphere, amount: Any, status: int, code: str
) -> None:
    customer, path = await paid(jobsphere, "100")

    answer = await customer.post(path, {"amount": amount})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await customer.wallet() == ("100.00", "0.00")
    assert (await customer.data("/api/wallet/refunds"))["refunds"] == []


async def test_only_unspent_money_of_ones_own_can_go_back(jobsphere: JobSphere) -> None:
    customer, _ = await jobsphere.earned("100", deposit="200")
    other = await jobsphere.person(Role.CUSTOMER)
    deposit = (await customer.data("/api/wallet/transactions"))["transactions"][-1]["id"]
    path = f"/api/wallet/deposits/{deposit}/refund"

    assert (await customer.data(f"{path}/quote"))["refundable"] == "95.00"
    for ask in (other.get(f"{path}/quote"), other.post(path, {})):
        answer = await ask
        assert (answer.status_code, answer.json()["code"]) == (404, "deposit_not_found")
    assert (await customer.post(path, {"amount": "95.01"})).status_code == 422


async def test_an_admin_refunds_also_from_a_frozen_wallet_and_says_why(jobsphere: JobSphere) -> None:
    customer, path = await paid(jobsphere, "100")
    admin = await jobsphere.person(Role.ADMIN)
    freeze = {"level": "all", "reason": "Reported as stolen"}
    await admin.done(f"/api/admin/wallets/{customer.id}/freeze", freeze)
    answer = await customer.post(path, {})
    assert (answer.status_code, answer.json()["code"]) == (403, "wallet_frozen")

    for_admin = path.replace("/api/wallet", "/api/admin")
    assert (await admin.data(f"{for_admin}/quote"))["refundable"] == "100.00"
    refund = await admin.done(for_admin, {"amount": "40", "reason": "The card was stolen"})

    await refund_in(jobsphere, customer, refund["refundId"], "succeeded")
    assert await customer.wallet() == ("60.00", "0.00")
    [listed] = (await admin.data("/api/admin/refunds"))["refunds"]
    assert listed["refundId"] == refund["refundId"]
    assert (await customer.post(for_admin, {"reason": "Because"})).status_code == 403
    await jobsphere.books_hold()


async def test_a_refund_that_the_bank_sends_back_is_in_the_wallet_again_with_a_message(
    jobsphere: JobSphere,
) -> None:
    customer, path = await paid(jobsphere, "100", "pm_card_refundFail")
    refund = await customer.done(path, {"amount": "40"})
    await refund_in(jobsphere, customer, refund["refundId"], "succeeded")

    await jobsphere.sandbox.advance(days=30)

    failed = await refund_in(jobsphere, customer, refund["refundId"], "failed")
    assert (failed["status"], failed["reasonCode"]) == ("failed", "card_gone")
    assert await customer.wallet() == ("100.00", "0.00")
    assert (await types(customer))[0] == "refund_failed"
    assert (await customer.data(f"{path}/quote"))["refundable"] == "100.00"
    for type_ in ("refund.created", "refund.updated", "refund.failed", "charge.refunded"):
        for event in await jobsphere.events(type_):
            await jobsphere.sandbox.resend(event["event"])
    assert await customer.wallet() == ("100.00", "0.00")
    await jobsphere.books_hold()


async def test_a_refund_that_stripe_cannot_pay_yet_stays_in_transit_until_it_can(jobsphere: JobSphere) -> None:
    customer, path = await paid(jobsphere, "100")
    refund = await customer.done(path, {})
    await refund_in(jobsphere, customer, refund["refundId"], "pending")

    in_transit = refund_in_transit(UUID(refund["refundId"]), "usd")
    assert await jobsphere.balance_minor(in_transit) == 10000
    await jobsphere.books_hold()
    await paid(jobsphere, "100")
    await jobsphere.sandbox.advance(hours=1)

    await refund_in(jobsphere, customer, refund["refundId"], "succeeded")
    assert await jobsphere.balance_minor(in_transit) == 0
    await jobsphere.books_hold()


async def test_a_refund_may_be_pending_first(jobsphere: JobSphere) -> None:
    customer, path = await paid(jobsphere, "100", "pm_card_pendingRefund")
    refund = await customer.done(path, {"amount": "50"})
    await refund_in(jobsphere, customer, refund["refundId"], "pending")
    await jobsphere.books_hold()

    await jobsphere.sandbox.advance(days=30)

    await refund_in(jobsphere, customer, refund["refundId"], "succeeded")
    await jobsphere.books_hold()


@pytest.mark.parametrize("kind", ["error_before", "error_after", "drop_after"])
async def test_a_lost_answer_makes_one_refund(jobsphere: JobSphere, kind: str) -> None:
    customer, path = await paid(jobsphere, "100")
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/refunds", "kind": kind, "times": 2})

    refund = await customer.done(path, {"amount": "40"})

    async def settled() -> bool:
        jobsphere.clock.advance(seconds=30)
        jobsphere.worker.wake()
        found = (await customer.data("/api/wallet/refunds"))["refunds"][0]
        return bool(found["state"] == "succeeded")

    await jobsphere.until("the refund is made", settled)
    assert await customer.wallet() == ("60.00", "0.00")
    assert len(await jobsphere.gateway.list_refunds(await _intent(customer))) == 1
    assert refund["state"] == "requested"
    await jobsphere.books_hold()


async def _intent(customer: Person) -> str:
    deposit = (await customer.data("/api/wallet/transactions"))["transactions"][-1]
    return str(deposit["stripePaymentIntentId"])


async def test_what_stripe_refuses_is_back_in_the_wallet(jobsphere: JobSphere) -> None:
    customer, path = await paid(jobsphere, "100")
    # Somebody refunds it in the dashboard, and nobody tells us before the customer asks.
    await jobsphere.sandbox.set_delivery_mode("hold")
    charge = (await customer.data("/api/wallet/transactions"))["transactions"][-1]["stripeChargeId"]
    await jobsphere.sandbox.dashboard_refund(charge, 10000)

    refund = await customer.done(path, {})

    await refund_in(jobsphere, customer, refund["refundId"], "canceled")
    assert await customer.wallet() == ("100.00", "0.00")
    await jobsphere.sandbox.set_delivery_mode("deliver")
    await jobsphere.sandbox.release()
    await jobsphere.until("the dashboard's refund is booked", lambda: wallet_is(customer, "0.00"))
    assert "refund_failed" in await types(customer)
    await jobsphere.books_hold()


async def test_one_in_the_dashboard_waits_for_one_of_ours_that_asks_for_the_same_money(
    jobsphere: JobSphere,
) -> None:
    customer, path = await paid(jobsphere, "100")
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/refunds", "kind": "error_before", "times": None})
    refund = await customer.done(path, {"amount": "70"})
    charge = (await customer.data("/api/wallet/transactions"))["transactions"][-1]["stripeChargeId"]
    await jobsphere.sandbox.dashboard_refund(charge, 5000)

    await jobsphere.sandbox.drain()

    # More often than any other event would be tried.
    async def waits() -> bool:
        jobsphere.clock.advance(hours=1)
        jobsphere.worker.wake()
        return await _tries(jobsphere, "refund.created") > TRIES_MAX

    await jobsphere.until("its event waits", waits)
    assert await customer.wallet() == ("30.00", "0.00")
    await jobsphere.sandbox.clear_faults()

    async def settled() -> bool:
        jobsphere.clock.advance(minutes=20)
        jobsphere.worker.wake()
        return await wallet_is(customer, "50.00")

    await jobsphere.until("the dashboard's is booked, ours is back", settled)
    await refund_in(jobsphere, customer, refund["refundId"], "canceled")

    async def emptied() -> bool:
        jobsphere.clock.advance(minutes=20)
        jobsphere.worker.wake()
        return await no_new_events(jobsphere)

    await jobsphere.until("the inbox is empty", emptied)
    await jobsphere.books_hold()
    await jobsphere.same_as_stripes_books()


async def _tries(jobsphere: JobSphere, type_: str) -> int:
    """How often an event of that type was tried, which waits for a refund of ours."""
    c = webhook_events.c
    async with reading(jobsphere.engine) as connection:
        found = select(c.tries, c.status, c.error).where(c.type == type_)
        [(tries, status, error)] = (await connection.execute(found)).all()
    assert status == "new"
    assert error is None or "is under way" in error
    return int(tries)


async def test_a_debt_is_shown_with_its_origin_and_paid_from_what_comes_in_next(jobsphere: JobSphere) -> None:
    customer, _ = await jobsphere.earned("100", deposit="200")
    charge = (await customer.data("/api/wallet/transactions"))["transactions"][-1]["stripeChargeId"]
    await jobsphere.sandbox.dashboard_refund(charge, 15000)
    await jobsphere.until("the refund is booked", lambda: wallet_is(customer, "0.00"))

    wallet = await customer.data("/api/wallet")
    [debt] = wallet["debts"]
    [refund] = (await customer.data("/api/wallet/refunds"))["refunds"]
    assert (wallet["debt"], debt["open"], debt["origin"]) == ("55.00", "55.00", "refund")
    assert debt["originId"] == refund["refundId"]
    assert refund["madeAtStripe"]
    assert "55.00 USD" in (await customer.data("/api/notifications"))["notifications"][0]["body"]

    await jobsphere.deposited(customer, "80")

    wallet = await customer.data("/api/wallet")
    assert (wallet["balance"], wallet["debt"], wallet["debts"][0]["repaid"]) == ("25.00", "0.00", "55.00")
    shown = (await customer.data("/api/wallet/transactions"))["transactions"]
    assert [one["amount"] for one in shown if one["type"] == "debt_repayment"] == ["55.00"]
    await jobsphere.books_hold()
