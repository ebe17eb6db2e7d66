"""Cards that are saved for later: setup intents, tokens, and payments without the customer."""

from typing import Any

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services

from .conftest import Seller

BROWSER = {"Authorization": "Bearer pk_test_browser"}
NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


async def _set_up(client: V1Services, card: str, **more: Any) -> stripe.SetupIntent:
    given: Any = {"payment_method": card, "confirm": True, "automatic_payment_methods": NO_REDIRECTS}
    return await client.setup_intents.create_async(given | more)


async def _charge_later(client: V1Services, intent: stripe.SetupIntent) -> stripe.PaymentIntent:
    given: Any = {
        "amount": 5_000,
        "currency": "usd",
        "customer": intent.customer,
        "payment_method": intent.payment_method,
        "confirm": True,
        "off_session": True,
        "automatic_payment_methods": NO_REDIRECTS,
    }
    return await client.payment_intents.create_async(given)


async def test_a_card_is_saved_and_charged_later(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})

    done = await _set_up(stripe_client, "pm_card_visa", customer=customer.id)

    assert (done.status, done.usage) == ("succeeded", "off_session")
    [saved] = (await stripe_client.customers.payment_methods.list_async(customer.id)).data
    assert saved.id == done.payment_method
    assert (await _charge_later(stripe_client, done)).status == "succeeded"
    types = ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]
    told = (await stripe_client.events.list_async({"types": types})).data[::-1]
    assert [event.type for event in told] == types


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ],
)
async def test_a_card_that_is_declined_is_not_saved(
    seller: Seller, stripe_client: V1Services, card: str, code: str, decline_code: str | None
) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})

    with pytest.raises(stripe.CardError) as declined:
        await _set_up(stripe_client, card, customer=customer.id)

    error = declined.value.error
    assert error is not None
    assert (error.code, getattr(error, "decline_code", None)) == (code, decline_code)
    assert error.setup_intent is not None
    waiting = await stripe_client.setup_intents.retrieve_async(error.setup_intent.id)
    assert (waiting.status, waiting.payment_method) == ("requires_payment_method", None)
    assert waiting.last_setup_error is not None
    assert waiting.last_setup_error.code == code
    assert (await stripe_client.customers.payment_methods.list_async(customer.id)).data == []
    again = await stripe_client.setup_intents.confirm_async(waiting.id, {"payment_method": "pm_card_visa"})
    assert again.status == "succeeded"
    attempts = await stripe_client.setup_attempts.list_async({"setup_intent": waiting.id})
    assert [attempt.status for attempt in attempts.data] == ["succeeded", "failed"]


async def test_a_card_that_fails_only_later_can_be_saved(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})
    done = await _set_up(stripe_client, "pm_card_chargeCustomerFail", customer=customer.id)

    with pytest.raises(stripe.CardError):
        await _charge_later(stripe_client, done)


@pytest.mark.parametrize("succeed", [True, False])
async def test_the_customer_authenticates_on_the_page_of_the_bank(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient, succeed: bool
) -> None:
    intent = await stripe_client.setup_intents.create_async(
        {
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "https://example.com/back",
        }
    )
    assert intent.status == "requires_action"
    url = intent.next_action.redirect_to_url.url  # type: ignore[union-attr]

    outcome = {"outcome": "complete" if succeed else "fail"}
    back = await http.post(str(url), data=outcome)

    assert f"setup_intent={intent.id}" in back.headers["location"]
    after = await stripe_client.setup_intents.retrieve_async(intent.id)
    assert after.status == ("succeeded" if succeed else "requires_payment_method")
    if not succeed:
        assert after.last_setup_error is not None
        assert after.last_setup_error.code == "setup_intent_authentication_failure"


@pytest.mark.parametrize(
    ("card", "waits", "later"),
    [
        ("pm_card_authenticationRequiredOnSetup", True, "succeeded"),
        ("pm_card_authenticationRequiredSetupForOffSession", False, "succeeded"),
        ("pm_card_authenticationRequired", True, "authentication_required"),
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", True, "authentication_required"),
    ],
)
async def test_a_card_that_was_set_up_pays_without_the_customer_unless_it_always_asks(
    seller: Seller, stripe_client: V1Services, card: str, waits: bool, later: str
) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})
    intent = await _set_up(stripe_client, card, customer=customer.id)
    assert intent.status == ("requires_action" if waits else "succeeded")
    if waits:
        await seller.control.authenticate_setup(intent.id, succeed=True)

    done = await stripe_client.setup_intents.retrieve_async(intent.id)
    try:
        outcome = (await _charge_later(stripe_client, done)).status
    except stripe.CardError as declined:
        outcome = str(declined.code)

    assert outcome == later


async def test_a_card_that_was_not_set_up_needs_the_customer(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})
    token = "pm_card_authenticationRequiredOnSetup"
    method = await stripe_client.payment_methods.attach_async(token, {"customer": customer.id})
    given: Any = {"customer": customer.id, "payment_method": method.id, "off_session": True, "confirm": True}

    with pytest.raises(stripe.CardError) as declined:
        await stripe_client.payment_intents.create_async(
            given | {"amount": 5_000, "currency": "usd", "automatic_payment_methods": NO_REDIRECTS}
        )

    assert declined.value.code == "authentication_required"


async def test_a_setup_intent_that_is_over_stays_as_it_is(seller: Seller, stripe_client: V1Services) -> None:
    setups = stripe_client.setup_intents
    done = await _set_up(stripe_client, "pm_card_visa")
    for request in (setups.cancel_async, setups.confirm_async, setups.update_async):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await request(done.id, {})
        assert refusal.value.code == "setup_intent_unexpected_state"

    waiting = await setups.create_async({"usage": "on_session", "metadata": {"a": "1"}})
    changed = await setups.update_async(waiting.id, {"payment_method": "pm_card_visa", "description": "Card"})
    assert (changed.status, changed.description) == ("requires_confirmation", "Card")
    canceled = await setups.cancel_async(waiting.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert [intent.id for intent in (await setups.list_async()).data] == [waiting.id, done.id]


async def test_a_browser_confirms_a_setup_intent_with_its_secret_and_a_number(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient
) -> None:
    intent = await stripe_client.setup_intents.create_async({"automatic_payment_methods": {"enabled": True}})
    form = {
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": "4242424242424242",
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2050",
        "return_url": "https://example.com/back",
    }
    path = f"/v1/setup_intents/{intent.id}/confirm"

    without = await http.post(path, data=form, headers=BROWSER)
    answer = await http.post(path, data=form | {"client_secret": str(intent.client_secret)}, headers=BROWSER)

    assert without.status_code == 404
    assert answer.json()["status"] == "succeeded"


async def test_a_token_stands_for_a_number_once(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient
) -> None:
    card = {
        "card[number]": "4000000000000077",
        "card[exp_month]": "1",
        "card[exp_year]": "2050",
        "card[cvc]": "123",
    }
    assert (await http.post("/v1/tokens", data=card)).status_code == 400
    token = (await http.post("/v1/tokens", data=card, headers=BROWSER)).json()
    assert (token["card"]["last4"], token["used"]) == ("0077", False)
    given: Any = {"type": "card", "card": {"token": token["id"]}}

    method = await stripe_client.payment_methods.create_async(given)

    assert (await seller.paid_in(1_000, method.id)).status == "succeeded"
    assert (await stripe_client.tokens.retrieve_async(token["id"])).used
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await stripe_client.payment_methods.create_async(given)
    assert refusal.value.code == "token_already_used"


async def test_a_token_needs_a_sound_card(seller: Seller, http: httpx.AsyncClient) -> None:
    card = {"card[number]": "4242424242424241", "card[exp_month]": "1", "card[exp_year]": "2050"}
    answer = await http.post("/v1/tokens", data=card, headers=BROWSER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "incorrect_number")
    assert (await http.post("/v1/tokens", headers=BROWSER)).status_code == 400
