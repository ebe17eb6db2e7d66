"""Deposits that take more than one try: other cards, 3-D Secure again, a day that passes, no event at all."""

import asyncio
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from jobsphere.clock import Clock
from jobsphere.database import reading
from jobsphere.deposits.ask import ask
from jobsphere.deposits.tables import deposit_attempts
from jobsphere.identity.people import Role
from tests.journeys.conftest import JobSphere, Person
from tests.journeys.test_deposits import no_new_events, started

THREE_D_SECURE = "pm_card_threeDSecure2Required"
DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"


async def resumed(customer: Person, deposit: Any, card: str | None = None, *, key: str | None = None) -> Any:
    body = {} if card is None else {"paymentMethodId": card}
    return await customer.done(f"/api/wallet/deposits/{deposit['depositId']}/resume", body, key=key)


async def attempts(customer: Person, deposit: Any) -> list[tuple[Any, ...]]:
    shown = (await customer.data(f"/api/wallet/deposits/{deposit['depositId']}"))["attempts"]
    return [tuple(one[name] for name in ("number", "state", "cardLast4", "failureCode")) for one in shown]


async def told(customer: Person) -> list[str]:
    return [one["title"] for one in (await customer.data("/api/notifications"))["notifications"]]


async def asked(jobsphere: JobSphere, deposit: Any) -> str:
    clock: Clock = jobsphere.clock
    found = await ask(jobsphere.engine, jobsphere.gateway, clock, deposit["depositId"])
    return found.state.value


async def test_after_a_decline_another_card_pays_the_same_payment(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, DECLINED)

    again = await resumed(customer, deposit, "pm_card_visa")

    assert again["stripePaymentIntentId"] == deposit["stripePaymentIntentId"]
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    first, second = await attempts(customer, deposit)
    assert first == (1, "declined", "9995", "insufficient_funds")
    assert second[:2] == (2, "succeeded")
    keys = [call["idempotency_key"] for call in await jobsphere.sandbox.calls() if "/confirm" in call["path"]]
    assert keys == [f"deposit:{deposit['depositId']}:confirm:{number}" for number in (1, 2)]
    assert sorted(await told(customer)) == ["Deposit failed", "Deposit successful"]
    assert await customer.wallet() == ("50.00", "0.00")
    await jobsphere.books_hold()


async def test_every_declined_card_is_an_attempt_and_is_told_once(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, DECLINED)
    await resumed(customer, deposit, "pm_card_chargeDeclinedExpiredCard")
    await resumed(customer, deposit, "pm_card_nobody_has_this")

    for event in await jobsphere.events("payment_intent.payment_failed"):
        await jobsphere.sandbox.resend(event["event"])
    await jobsphere.until("the inbox is empty", lambda: no_new_events(jobsphere))

    assert await attempts(customer, deposit) == [
        (1, "declined", "9995", "insufficient_funds"),
        (2, "declined", "0069", "expired_card"),
        (3, "declined", None, "payment_not_possible"),
    ]
    assert await told(customer) == ["Deposit failed"] * 3
    async with reading(jobsphere.engine) as connection:
        prints = (await connection.execute(select(deposit_attempts.c.card_fingerprint))).scalars().all()
    assert len({one for one in prints if one}) == 2


async def test_the_browser_may_try_another_card_by_itself(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, DECLINED)
    secret = (await resumed(customer, deposit))["clientSecret"]

    async def tried(number: int) -> bool:
        shown = await attempts(customer, deposit)
        return len(shown) == number and shown[-1][1] != "open"

    for number, card in ((2, "pm_card_visa_chargeDeclined"), (3, "pm_card_visa")):
        await jobsphere.http.post(
            f"{jobsphere.sandbox_url}/v1/payment_intents/{deposit['stripePaymentIntentId']}/confirm",
            data={"payment_method": card, "client_secret": secret},
            headers={"Authorization": "Bearer pk_test_sandbox"},
        )
        await jobsphere.until("the attempt is told", partial(tried, number))

    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    assert [one[:2] for one in await attempts(customer, deposit)] == [
        (1, "declined"),
        (2, "declined"),
        (3, "succeeded"),
    ]
    await jobsphere.books_hold()


async def test_3d_secure_is_gone_on_with_by_its_owner_alone(jobsphere: JobSphere) -> None:
    customer, other = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, THREE_D_SECURE)

    again = await resumed(customer, deposit)

    assert (again["state"], again["clientSecret"]) == ("requires_action", deposit["clientSecret"])
    for body in ({}, {"paymentMethodId": "pm_card_visa"}):
        refused = await other.post(f"/api/wallet/deposits/{deposit['depositId']}/resume", body)
        assert (refused.status_code, refused.json()["code"]) == (404, "deposit_not_found")
    assert await attempts(customer, deposit) == [(1, "open", "3220", None)]


async def test_another_card_instead_of_3d_secure_leaves_the_first_attempt(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, THREE_D_SECURE)

    await resumed(customer, deposit, "pm_card_visa")

    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    assert [one[:2] for one in await attempts(customer, deposit)] == [(1, "abandoned"), (2, "succeeded")]
    assert await customer.wallet() == ("50.00", "0.00")
    await jobsphere.books_hold()


async def test_ten_other_cards_at_once_are_one_attempt(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, DECLINED)
    path = f"/api/wallet/deposits/{deposit['depositId']}/resume"

    answers = await asyncio.gather(
        *(customer.post(path, {"paymentMethodId": "pm_card_visa"}, key=f"k{number}") for number in range(10))
    )

    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] in (200, 202)
    assert set(codes[1:]) == {409}
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    assert len(await attempts(customer, deposit)) == 2
    assert await customer.wallet() == ("50.00", "0.00")


@pytest.mark.parametrize("card", ["pm_card_visa", None])
async def test_a_deposit_that_is_over_takes_no_other_card(jobsphere: JobSphere, card: str | None) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await jobsphere.deposited(customer, "50")
    body = {} if card is None else {"paymentMethodId": card}

    answer = await customer.post(f"/api/wallet/deposits/{deposit['depositId']}/resume", body)

    if card is None:
        assert (answer.status_code, answer.json()["data"]["clientSecret"]) == (200, None)
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "no_other_card_possible")
    assert len(await attempts(customer, deposit)) == 1


@pytest.mark.parametrize("card", [THREE_D_SECURE, DECLINED])
async def test_what_its_owner_leaves_for_a_day_is_canceled_at_stripe_and_told_once(
    jobsphere: JobSphere, card: str
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, card)

    jobsphere.clock.advance(hours=24, seconds=1)
    jobsphere.worker.wake()

    async def expired() -> bool:
        return bool((await customer.data(f"/api/wallet/deposits/{deposit['depositId']}"))["state"] == "expired")

    await jobsphere.until("it expires", expired)
    intent = await jobsphere.gateway.retrieve_payment_intent(deposit["stripePaymentIntentId"])
    assert intent.status == "canceled"
    await jobsphere.until("the inbox is empty", lambda: no_new_events(jobsphere))
    assert (await told(customer)).count("Deposit expired") == 1
    assert "Deposit canceled" not in await told(customer)
    shown = await customer.data(f"/api/wallet/deposits/{deposit['depositId']}")
    assert (shown["status"], shown["failureCode"], shown["clientSecret"]) == ("failed", "payment_expired", None)
    await jobsphere.books_hold()


async def test_a_payment_that_succeeded_in_the_last_moment_is_credited_instead_of_canceled(
    jobsphere: JobSphere,
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    deposit = await started(customer, THREE_D_SECURE)
    await jobsphere.sandbox.authenticate(deposit["stripePaymentIntentId"], succeed=True)

    jobsphere.clock.advance(hours=25)
    jobsphere.worker.wake()

    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    assert await customer.wallet() == ("50.00", "0.00")
    assert await told(customer) == ["Deposit successful"]


async def test_without_any_event_asking_ends_each_deposit_right(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    plain = await started(customer, "pm_card_visa")
    confirmed, refused = await started(customer, THREE_D_SECURE), await started(customer, THREE_D_SECURE)
    waiting = await started(customer, THREE_D_SECURE)
    declined = await started(customer, DECLINED)
    for deposit, succeed in ((confirmed, True), (refused, False)):
        await jobsphere.sandbox.authenticate(deposit["stripePaymentIntentId"], succeed=succeed)

    for _ in range(2):
        assert [await asked(jobsphere, one) for one in (plain, confirmed, refused, waiting, declined)] == [
            "succeeded",
            "succeeded",
            "declined",
            "requires_action",
            "declined",
        ]

    assert await customer.wallet() == ("100.00", "0.00")
    assert sorted(await told(customer)) == ["Deposit failed"] * 2 + ["Deposit successful"] * 2
    await jobsphere.books_hold()


async def test_no_client_secret_is_stored_on_the_way(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    deposit = await started(customer, DECLINED)
    secret = (await resumed(customer, deposit, THREE_D_SECURE, key="k"))["clientSecret"]
    assert (await resumed(customer, deposit, THREE_D_SECURE, key="k"))["clientSecret"] == secret

    async with reading(jobsphere.engine) as connection:
        for table in ("deposits", "deposit_attempts", "idempotency_keys", "transactions", "audit_log"):
            query = f"SELECT t::text FROM {table} AS t"  # noqa: S608 - names of our own
            rows = (await connection.exec_driver_sql(query)).scalars().all()
            assert not any(secret in row for row in rows), table
