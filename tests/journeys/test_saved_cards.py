"""Saved cards over HTTP: kept by consent, paid with, chosen, removed at Stripe once, and nobody else's."""

import asyncio
from typing import Any, Literal

import pytest

from jobsphere.identity.people import Role
from tests.journeys.conftest import JobSphere, Person


async def kept(jobsphere: JobSphere, customer: Person, card: str = "pm_card_visa") -> Any:
    """Pay with a card and keep it; how it is shown."""
    body = {"amount": 20, "paymentMethodId": card, "saveCard": True}
    deposit = await customer.done("/api/wallet/deposit", body)
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    return (await cards(customer))[0]


async def cards(person: Person) -> list[Any]:
    found: list[Any] = (await person.data("/api/wallet/cards"))["cards"]
    return found


async def removed(person: Person, card: Any) -> Any:
    headers = {"Authorization": f"Bearer {person.token}"}
    return await person.http.delete(f"/api/wallet/cards/{card['id']}", headers=headers)


async def test_a_card_is_kept_only_by_consent_and_paid_with_again(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, "20", "pm_card_mastercard")
    assert await cards(customer) == []

    card = await kept(jobsphere, customer)

    assert (card["brand"], card["last4"], card["isDefault"]) == ("visa", "4242", False)
    for _ in range(2):
        await jobsphere.deposited(customer, "20", card["id"])
    assert await customer.wallet() == ("80.00", "0.00")
    calls = [(call["method"], call["path"]) for call in await jobsphere.sandbox.calls()]
    assert calls.count(("POST", "/v1/customers")) == 1
    await jobsphere.books_hold()


async def test_a_declined_card_is_not_kept_and_another_one_may_be(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    body = {"amount": 20, "paymentMethodId": "pm_card_chargeCustomerFail", "saveCard": True}
    deposit = await customer.done("/api/wallet/deposit", body)
    assert (deposit["state"], await cards(customer)) == ("declined", [])

    again = {"paymentMethodId": "pm_card_visa"}
    await customer.done(f"/api/wallet/deposits/{deposit['depositId']}/resume", again)

    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    assert [one["last4"] for one in await cards(customer)] == ["4242"]


async def test_the_default_card_pays_when_none_is_named(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    first, second = await kept(jobsphere, customer), await kept(jobsphere, customer, "pm_card_mastercard")
    none = await customer.post("/api/wallet/deposit", {"amount": 20})
    assert (none.status_code, none.json()["code"]) == (409, "no_default_card")

    for card in (first, second):
        await customer.done(f"/api/wallet/cards/{card['id']}/default")

    assert [(one["last4"], one["isDefault"]) for one in await cards(customer)] == [("4444", True), ("4242", False)]
    deposit = await customer.done("/api/wallet/deposit", {"amount": 20})
    await jobsphere.deposit_in(customer, deposit["depositId"], "completed")
    shown = await customer.data(f"/api/wallet/deposits/{deposit['depositId']}")
    assert shown["attempts"][0]["cardLast4"] == "4444"


async def test_a_removed_card_is_gone_here_and_at_stripe_once(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    card = await kept(jobsphere, customer)
    await customer.done(f"/api/wallet/cards/{card['id']}/default")

    answers = await asyncio.gather(*(removed(customer, card) for _ in range(5)))

    assert {answer.status_code for answer in answers} <= {200, 202, 404}
    assert 200 in {answer.status_code for answer in answers}
    assert await cards(customer) == []
    assert (await customer.post("/api/wallet/deposit", {"amount": 20})).json()["code"] == "no_default_card"
    tried = await customer.done("/api/wallet/deposit", {"amount": 20, "paymentMethodId": card["id"]})
    assert tried["status"] == "failed"
    done = [
        call
        for call in await jobsphere.sandbox.calls()
        if call["path"].endswith("/detach") and call["status"] == 200 and not call["replayed"]
    ]
    assert len(done) == 1


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "error_before"])
async def test_a_removal_without_an_answer_is_gone_on_with(
    jobsphere: JobSphere, kind: Literal["drop_after", "error_after", "error_before"]
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    card = await kept(jobsphere, customer)
    await jobsphere.sandbox.plan_faults({"match": "POST /v1/payment_methods/*/detach", "kind": kind, "times": 1})

    assert (await removed(customer, card)).status_code in (200, 202)

    assert await cards(customer) == []

    async def gone() -> bool:
        return (await jobsphere.gateway.retrieve_payment_method(card["id"])).customer_id is None

    await jobsphere.until("Stripe has forgotten it", gone)
    assert (await removed(customer, card)).status_code == 404


async def test_somebody_elses_card_is_not_to_be_seen_chosen_removed_or_paid_with(jobsphere: JobSphere) -> None:
    owner, other = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CUSTOMER)
    card = await kept(jobsphere, owner)
    await jobsphere.deposited(other, "20")

    assert await cards(other) == []
    chosen = await other.post(f"/api/wallet/cards/{card['id']}/default")
    for answer in (chosen, await removed(other, card)):
        assert (answer.status_code, answer.json()["code"]) == (404, "card_not_found")
    tried = await other.done("/api/wallet/deposit", {"amount": 20, "paymentMethodId": card["id"]})
    assert (tried["status"], tried["failureCode"]) == ("failed", "payment_not_possible")
    assert [one["id"] for one in await cards(owner)] == [card["id"]]
    assert await other.wallet() == ("20.00", "0.00")
