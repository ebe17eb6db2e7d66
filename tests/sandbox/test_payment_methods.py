"""Cards: by number from the browser, saved to customers, and what each test card does."""

from typing import Any

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.payments.cards import BY_NUMBER, BY_TOKEN, Card, passes_check_digit

from .conftest import Seller

BROWSER = {"Authorization": "Bearer pk_test_browser"}


def _form(number: str, **more: str) -> dict[str, str]:
    return {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2050"} | more


def test_every_test_number_passes_the_check_digit() -> None:
    assert all(passes_check_digit(number) for number in BY_NUMBER)
    assert not passes_check_digit("4242424242424241")


@pytest.mark.parametrize("number", BY_NUMBER)
async def test_a_browser_turns_any_test_number_into_a_payment_method(
    seller: Seller, http: httpx.AsyncClient, number: str
) -> None:
    response = await http.post("/v1/payment_methods", data=_form(number), headers=BROWSER)

    assert response.json()["card"]["last4"] == number[-4:]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (_form("4242424242424241"), "incorrect_number"),
        (_form("4539578763621486"), "card_declined"),
        (_form("4242424242424242", **{"card[exp_month]": "13"}), "invalid_expiry_month"),
        (_form("4242424242424242", **{"card[exp_year]": "2020"}), "invalid_expiry_year"),
        (_form("4242424242424242", **{"card[cvc]": "1"}), "invalid_cvc"),
    ],
)
async def test_a_wrong_card_is_refused_by_field(
    seller: Seller, http: httpx.AsyncClient, form: dict[str, str], code: str
) -> None:
    response = await http.post("/v1/payment_methods", data=form, headers=BROWSER)

    assert (response.status_code, response.json()["error"]["code"]) == (402, code)


async def test_card_numbers_do_not_pass_with_a_secret_key(seller: Seller, http: httpx.AsyncClient) -> None:
    response = await http.post("/v1/payment_methods", data=_form("4242424242424242"))

    assert response.status_code == 400
    assert "4242" not in response.text


async def test_a_browser_may_finish_its_payment_and_nothing_else(
    seller: Seller, http: httpx.AsyncClient, stripe_client: V1Services
) -> None:
    intent = await stripe_client.payment_intents.create_async({"amount": 5_000, "currency": "usd"})
    path = f"/v1/payment_intents/{intent.id}"
    confirm = {"payment_method": "pm_card_visa", "return_url": "https://example.com/back"}

    assert (await http.get("/v1/balance", headers=BROWSER)).json()["error"]["code"] == "secret_key_required"
    assert (await http.get(path, headers=BROWSER)).status_code == 404
    assert (await http.post(f"{path}/confirm", data=confirm, headers=BROWSER)).status_code == 404
    secret = {"client_secret": str(intent.client_secret)}
    assert (await http.get(path, params=secret, headers=BROWSER)).status_code == 200
    paid = await http.post(f"{path}/confirm", data=confirm | secret, headers=BROWSER)
    assert paid.json()["status"] == "succeeded"


async def test_authentication_happens_on_a_page_that_leads_back(
    seller: Seller, http: httpx.AsyncClient, stripe_client: V1Services
) -> None:
    intent = await stripe_client.payment_intents.create_async(
        {
            "amount": 5_000,
            "currency": "usd",
            "payment_method": "pm_card_threeDSecure2Required",
            "confirm": True,
            "return_url": "https://example.com/back?a=1",
        }
    )
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = str(intent.next_action.redirect_to_url.url)

    page = await http.get(url)
    answer = await http.post(url, data={"outcome": "complete"})

    assert "Complete authentication" in page.text
    assert answer.headers["location"].startswith(f"https://example.com/back?a=1&payment_intent={intent.id}")
    assert (await stripe_client.payment_intents.retrieve_async(intent.id)).status == "succeeded"
    assert (await http.get(url)).status_code == 404


async def test_a_saved_card_can_be_used_again_and_an_unsaved_one_cannot(
    seller: Seller, stripe_client: V1Services
) -> None:
    customer = await stripe_client.customers.create_async({"payment_method": "pm_card_visa"})
    [method] = (await stripe_client.payment_methods.list_async({"customer": customer.id})).data

    for _ in range(2):
        paid = await stripe_client.payment_intents.create_async(
            {
                "amount": 5_000,
                "currency": "usd",
                "customer": customer.id,
                "payment_method": method.id,
                "confirm": True,
                "off_session": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
        assert paid.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.payment_intents.create_async(
            {"amount": 5_000, "currency": "usd", "payment_method": method.id}
        )
    await stripe_client.payment_methods.detach_async(method.id)
    assert (await stripe_client.customers.payment_methods.list_async(customer.id)).data == []
    for again in (
        stripe_client.payment_methods.attach_async(method.id, {"customer": customer.id}),
        stripe_client.customers.create_async({"payment_method": method.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            await again


async def test_a_card_of_somebody_else_is_refused_before_anything_is_done(
    seller: Seller, stripe_client: V1Services
) -> None:
    owner = await stripe_client.customers.create_async({"payment_method": "pm_card_visa"})
    [method] = (await stripe_client.payment_methods.list_async({"customer": owner.id})).data
    payment = await stripe_client.payment_intents.create_async({"amount": 500, "currency": "usd"})
    setup = await stripe_client.setup_intents.create_async({"description": "mine"})
    new: Any = {"amount": 700, "currency": "usd", "payment_method": method.id}
    later: Any = {"receipt_email": "a@example.com", "payment_method": method.id}
    for wrong in (
        stripe_client.payment_intents.create_async(new),
        stripe_client.payment_intents.update_async(payment.id, {"amount": 700, "payment_method": method.id}),
        stripe_client.payment_intents.confirm_async(payment.id, later),
        stripe_client.setup_intents.create_async({"payment_method": method.id}),
        stripe_client.setup_intents.update_async(setup.id, {"description": "x", "payment_method": method.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="belongs to the customer"):
            await wrong

    [same] = (await stripe_client.payment_intents.list_async()).data
    assert (same.id, same.amount, same.receipt_email) == (payment.id, 500, None)
    assert [known.description for known in (await stripe_client.setup_intents.list_async()).data] == ["mine"]


async def test_only_one_card_is_given(seller: Seller, stripe_client: V1Services) -> None:
    two: Any = {
        "amount": 500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "payment_method_data": {"type": "card", "card": {"token": "tok_visa"}},
    }

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stripe_client.payment_intents.create_async(two)

    assert refused.value.param == "payment_method"


async def test_a_deleted_customer_can_only_be_looked_at(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"name": "before"})
    await stripe_client.customers.delete_async(customer.id)

    assert (await stripe_client.customers.retrieve_async(customer.id)).deleted
    for wrong in (
        stripe_client.customers.update_async(customer.id, {"name": "after"}),
        stripe_client.customers.delete_async(customer.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await wrong
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


async def test_paying_saves_the_card_when_future_use_is_set_up(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})
    await stripe_client.payment_intents.create_async(
        {
            "amount": 5_000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "setup_future_usage": "off_session",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )

    assert len((await stripe_client.payment_methods.list_async({"customer": customer.id})).data) == 1


@pytest.mark.parametrize("token", sorted(BY_TOKEN))
async def test_each_token_saves_and_pays_as_its_card_says(
    seller: Seller, stripe_client: V1Services, token: str
) -> None:
    card = BY_TOKEN[token]
    customer = await stripe_client.customers.create_async({"name": "A"})

    saved = await _outcome(stripe_client.payment_methods.attach_async(token, {"customer": customer.id}))
    paid = await _outcome(seller.paid_in(5_000, token))

    assert saved == ("done" if card.may_be_saved else card.decline and card.decline.code)
    assert paid == _expected(card)


def _expected(card: Card) -> str:
    if card.must_authenticate(off_session=False, set_up=False):
        return "requires_action"
    return card.decline.code if card.decline else "succeeded"


async def _outcome(request: object) -> str:
    try:
        answer = await request  # type: ignore[misc]
    except stripe.CardError as declined:
        return str(declined.code)
    return str(getattr(answer, "status", "done"))
