"""How often somebody may try to pay, and a card may fail: also when everybody asks at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jobsphere.deposits.pace import TRUST
from jobsphere.identity.people import Role
from tests.conftest import Databases
from tests.journeys.conftest import JobSphere, Person, running, settings_for_tests
from tests.journeys.test_deposits import started

GOOD, BAD = "pm_card_bypassPending", "pm_card_visa_chargeDeclined"


@pytest.fixture
async def strict(databases: Databases, database: str) -> AsyncIterator[JobSphere]:
    settings = settings_for_tests(deposits_per_hour_max=4, card_failures_per_day_max=3)
    async with running(databases.url(database), settings) as jobsphere:
        yield jobsphere


async def refused(person: Person, card: str) -> tuple[int, str | None]:
    answer = await person.post("/api/wallet/deposit", {"amount": 20, "paymentMethodId": card})
    return answer.status_code, None if answer.is_success else answer.json()["code"]


async def test_of_many_deposits_at_once_only_so_many_are_taken(strict: JobSphere) -> None:
    customer = await strict.person(Role.CUSTOMER)

    cards = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_discover")

    answers = await asyncio.gather(*(refused(customer, card) for card in cards * 3))

    assert sorted(answers, key=str) == [(201, None)] * 4 + [(429, "too_many_payments")] * 8
    assert len((await customer.data("/api/wallet/transactions"))["transactions"]) == 4


async def test_each_card_that_is_tried_counts_and_an_hour_later_nothing_does(strict: JobSphere) -> None:
    customer, other = await strict.person(Role.CUSTOMER), await strict.person(Role.CUSTOMER)
    deposit = await started(customer, BAD)
    path = f"/api/wallet/deposits/{deposit['depositId']}/resume"
    for card in ("pm_card_chargeDeclinedExpiredCard", "pm_card_chargeDeclinedIncorrectCvc", "pm_card_visa"):
        await customer.done(path, {"paymentMethodId": card})

    assert await refused(customer, GOOD) == (429, "too_many_payments")
    assert await refused(other, GOOD) == (201, None)

    strict.clock.advance(minutes=61)
    assert await refused(customer, GOOD) == (201, None)


async def test_a_card_that_failed_often_is_not_tried_again_whoever_has_it(strict: JobSphere) -> None:
    people = [await strict.person(Role.CUSTOMER) for _ in range(8)]
    assert await refused(people[0], BAD) == (201, None)

    answers = await asyncio.gather(*(refused(person, BAD) for person in people[1:]))

    assert sorted(answers, key=str) == [(201, None)] * 2 + [(429, "card_failed_too_often")] * 5
    confirmed = [call for call in await strict.sandbox.calls() if call["path"].endswith("/confirm")]
    assert len(confirmed) == 3
    assert await refused(people[0], GOOD) == (201, None)


async def test_a_card_that_did_not_fail_may_be_tried_by_many_at_once_but_not_by_any_number(
    strict: JobSphere,
) -> None:
    people = [await strict.person(Role.CUSTOMER) for _ in range(TRUST * 3 + 1)]
    await strict.sandbox.plan_faults(
        {"match": "POST /v1/payment_intents/*/confirm", "kind": "error_before", "times": None}
    )

    answers = [await refused(person, GOOD) for person in people]

    assert [status for status, _ in answers[:-1]] == [202] * (TRUST * 3)
    assert answers[-1] == (429, "card_failed_too_often")


async def test_a_card_that_pays_may_pay_as_often_as_its_owner_may(strict: JobSphere) -> None:
    for _ in range(2):
        customer = await strict.person(Role.CUSTOMER)
        for _ in range(3):
            await strict.deposited(customer, "20")

    assert await customer.wallet() == ("60.00", "0.00")


async def test_while_stripe_does_not_say_which_card_it_is_the_deposit_is_taken(strict: JobSphere) -> None:
    customer = await strict.person(Role.CUSTOMER)
    await strict.sandbox.plan_faults({"match": "GET /v1/payment_methods/*", "kind": "error_before", "times": 1})

    assert await refused(customer, GOOD) == (202, None)
