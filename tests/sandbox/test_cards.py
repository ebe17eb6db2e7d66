"""What each test card leads to: with its token and with its number, with and without authentication."""

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.payments.cards import BY_NUMBER, Authentication

from .conftest import Seller

BROWSER = {"Authorization": "Bearer pk_test_browser"}
# The documented refusals: docs.stripe.com/testing.
REFUSALS = [
    ("pm_card_visa_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "4000000000000119", "processing_error", None),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        "card_declined",
        "card_velocity_exceeded",
    ),
    ("pm_card_chargeCustomerFail", "4000000000000341", "card_declined", "generic_decline"),
    ("pm_card_radarBlock", "4100000000000019", "card_declined", "fraudulent"),
]
AUTHENTICATED = [
    ("pm_card_authenticationRequired", "4000002760003184", "succeeded"),
    ("pm_card_threeDSecure2Required", "4000000000003220", "succeeded"),
    ("pm_card_threeDSecureRequiredChargeDeclined", "4000008400001629", "generic_decline"),
    (
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        "insufficient_funds",
    ),
]


async def _saved_by_browser(http: httpx.AsyncClient, number: str) -> str:
    form = {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2050"}
    return str((await http.post("/v1/payment_methods", data=form, headers=BROWSER)).json()["id"])


@pytest.mark.parametrize(("token", "number", "code", "decline_code"), REFUSALS)
async def test_a_card_is_refused_by_token_and_by_number(
    seller: Seller,
    stripe_client: V1Services,
    http: httpx.AsyncClient,
    token: str,
    number: str,
    code: str,
    decline_code: str | None,
) -> None:
    for method in (token, await _saved_by_browser(http, number)):
        with pytest.raises(stripe.CardError) as refusal:
            await seller.paid_in(5_000, method)

        error = refusal.value.error
        assert error is not None
        assert (refusal.value.http_status, error.code) == (402, code)
        assert getattr(error, "decline_code", None) == decline_code
        assert error.payment_intent is not None
        waiting = await stripe_client.payment_intents.retrieve_async(error.payment_intent.id)
        assert waiting.status == "requires_payment_method"
        charge = await stripe_client.charges.retrieve_async(str(waiting.latest_charge))
        blocked = token == "pm_card_radarBlock"
        assert charge.outcome is not None
        assert charge.outcome.type == ("blocked" if blocked else "issuer_declined")
        assert (charge.paid, charge.failure_code) == (False, code)


@pytest.mark.parametrize(("token", "number", "outcome"), AUTHENTICATED)
async def test_a_card_asks_for_authentication_by_token_and_by_number(
    seller: Seller,
    stripe_client: V1Services,
    http: httpx.AsyncClient,
    token: str,
    number: str,
    outcome: str,
) -> None:
    for method in (token, await _saved_by_browser(http, number)):
        intent = await seller.paid_in(5_000, method)
        assert intent.status == "requires_action"

        await seller.control.authenticate(intent.id, succeed=True)

        after = await stripe_client.payment_intents.retrieve_async(intent.id)
        refused = after.last_payment_error
        assert (refused.decline_code if refused else after.status) == outcome


GOOD = [
    card.number for card in BY_NUMBER.values() if not card.decline and card.authentication is Authentication.NEVER
]


@pytest.mark.parametrize("number", GOOD)
async def test_every_other_card_pays_by_number(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient, number: str
) -> None:
    paid = await seller.paid_in(5_000, await _saved_by_browser(http, number))

    charge = await stripe_client.charges.retrieve_async(str(paid.latest_charge))
    assert paid.status == "succeeded"
    card = charge.payment_method_details.card  # type: ignore[union-attr]
    assert card.brand == BY_NUMBER[number].brand  # type: ignore[union-attr]
