"""The sandbox refuses as Stripe was recorded to refuse: same status, type, code and decline code."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Seller

FOLDER = Path(os.environ.get("STRIPE_SPEC_DIR", Path(__file__).parents[3] / "shared" / "stripe")) / "samples"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"recorded errors are not at {FOLDER}")

Reproduction = Callable[[Seller, httpx.AsyncClient], Awaitable[httpx.Response]]


def _pay(card: str, **form: str) -> Reproduction:
    async def reproduce(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
        return await _confirmed(http, card, **form)

    return reproduce


async def _confirmed(http: httpx.AsyncClient, card: str, **form: str) -> httpx.Response:
    options = {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}
    basic = {"amount": "5000", "currency": "usd", "confirm": "true", "payment_method": card}
    return await http.post("/v1/payment_intents", data=basic | options | form)


def _post(path: str, **form: str) -> Reproduction:
    async def reproduce(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
        return await http.post(path, data=form)

    return reproduce


def _get(path: str) -> Reproduction:
    async def reproduce(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
        return await http.get(path)

    return reproduce


def _locked(path: str) -> Reproduction:
    async def reproduce(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
        await seller.control.plan_faults({"kind": "locked"})
        return await http.get(path)

    return reproduce


async def _instant_payout_of_too_much(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    form = {"amount": "1000000", "currency": "usd", "method": "instant"}
    return await http.post("/v1/payouts", data=form, headers={"Stripe-Account": await seller.connected()})


async def _payout_without_money(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    headers = {"Stripe-Account": await seller.connected()}
    return await http.post("/v1/payouts", data={"amount": "100", "currency": "usd"}, headers=headers)


def _refund(*amounts: str) -> Reproduction:
    """Refund a charge of 20,000 several times; the last answer counts."""

    async def reproduce(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
        intent = await seller.paid_in(20_000)
        await seller.paid_in(20_000)
        for amount in amounts:
            answer = await http.post("/v1/refunds", data={"payment_intent": intent.id, "amount": amount})
        return answer

    return reproduce


async def _refund_a_disputed_charge(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    charge = str((await seller.paid_in()).latest_charge)
    await seller.control.dispute(charge)
    return await http.post("/v1/refunds", data={"charge": charge})


async def _cancel_a_paid_intent(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    return await http.post(f"/v1/payment_intents/{(await seller.paid_in()).id}/cancel")


async def _use_a_card_twice_without_a_customer(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    used = (await seller.paid_in()).payment_method
    return await _confirmed(http, str(used))


async def _cancel_a_setup_that_succeeded(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    form = {"payment_method": "pm_card_visa", "confirm": "true", "return_url": "https://example.com"}
    intent = (await http.post("/v1/setup_intents", data=form)).json()
    return await http.post(f"/v1/setup_intents/{intent['id']}/cancel")


async def _mistype_a_card(seller: Seller, http: httpx.AsyncClient) -> httpx.Response:
    form = {"type": "card", "card[number]": "4242424242424241", "card[exp_month]": "12", "card[exp_year]": "2050"}
    return await http.post("/v1/payment_methods", data=form, headers={"Authorization": "Bearer pk_test_1"})


REPRODUCTIONS: dict[str, Reproduction] = {
    "account_number_invalid__400-accounts": _post(
        "/v1/accounts",
        type="express",
        **{"external_account[country]": "US", "external_account[account_number]": "1234567"},
    ),
    "authentication_required__402-payment-intents": _pay("pm_card_authenticationRequired", off_session="true"),
    "balance_insufficient__400-payouts": _payout_without_money,
    "card_declined__402-customers-card-declined-generic-decline": _post(
        "/v1/customers", payment_method="pm_card_chargeDeclined"
    ),
    "card_declined__402-payment-intents-card-declined-fraudulent": _pay("pm_card_radarBlock"),
    "card_declined__402-payment-intents-card-declined-generic": _pay("pm_card_chargeCustomerFail"),
    "expired_card__402-customers": _post("/v1/customers", payment_method="pm_card_chargeDeclinedExpiredCard"),
    "incorrect_cvc__402-customers": _post("/v1/customers", payment_method="pm_card_chargeDeclinedIncorrectCvc"),
    "invalid_request_error__400-payouts": _instant_payout_of_too_much,
    "lock_timeout__429-accounts": _locked("/v1/account"),
    "lock_timeout__429-disputes": _locked("/v1/disputes"),
    "charge_disputed__400-refunds": _refund_a_disputed_charge,
    "charge_already_refunded__400-refunds": _refund("20000", "100"),
    "expired_card__402-payment-intents": _pay("pm_card_chargeDeclinedExpiredCard"),
    "incorrect_cvc__402-payment-intents": _pay("pm_card_chargeDeclinedIncorrectCvc"),
    "incorrect_number__402-payment-methods": _mistype_a_card,
    "invalid_request_error__400-payment-intents": _use_a_card_twice_without_a_customer,
    "invalid_request_error__400-refunds": _refund("19500", "600"),
    "parameter_invalid_integer__400-payment-intents": _pay("pm_card_visa", amount="0"),
    "parameter_invalid_integer__400-refunds": _refund("0"),
    "payment_intent_unexpected_state__400": _cancel_a_paid_intent,
    "resource_missing__400-payment-intents-resource-missing.": _pay("pm_0O6vJK9e1RjUNIyYJjgAb1re"),
    "resource_missing__404-charges": _get("/v1/charges/2763276372637263"),
    "resource_missing__404-setup-intents": _get("/v1/setup_intents/does+not+exist"),
    "setup_intent_unexpected_state__400": _cancel_a_setup_that_succeeded,
    "resource_missing__404-payment-intents": _get("/v1/payment_intents/does+not+exist"),
}


_NO_RULES = "comes from the account's own rules for postal codes, which are not simulated"
# Recorded refusals that the sandbox does not give, and why.
NOT_REPRODUCED = {
    "incorrect_zip__402-customers": _NO_RULES,
    "incorrect_zip__402-payment-intents": _NO_RULES,
    "india_recurring_payment_mandate_canceled__402": "mandates of Indian cards are not simulated",
    "invalid_request_error__400-charges": "a limit of Stripe's search: lists by transfer_group have none here",
    "processing_error__402": "put together by hand: message and doc_url are those of card_declined",
    "resource_missing__400-payment-intents-resource-missing__2": "destination charges are refused as unsupported",
    "resource_missing__404-apple-pay": "domains for Apple Pay are not simulated",
}


def test_every_recorded_refusal_is_reproduced_or_listed_with_the_reason() -> None:
    names = [*REPRODUCTIONS, *NOT_REPRODUCED]
    found = {name: [file.name for file in FOLDER.glob(f"err__{name}*")] for name in names}

    assert all(len(files) == 1 for files in found.values()), found
    assert sorted(files[0] for files in found.values()) == sorted(file.name for file in FOLDER.glob("err__*"))


@pytest.mark.parametrize("name", REPRODUCTIONS)
async def test_a_recorded_refusal_is_reproduced(seller: Seller, http: httpx.AsyncClient, name: str) -> None:
    [file] = FOLDER.glob(f"err__{name}*")
    recorded = json.loads(file.read_text())

    answer = await REPRODUCTIONS[name](seller, http)

    assert _facts(answer.status_code, answer.json()) == _facts(recorded["status"], recorded["body"])
    assert _facts_of_headers(answer.headers) == _facts_of_headers(recorded["headers"])


def _facts(status: int, body: dict[str, Any]) -> dict[str, Any]:
    """What must be equal: the parameter too, unless it was recorded as empty."""
    error = body["error"]
    names = ("type", "code", "decline_code")
    kept_objects = {name: name in error for name in ("charge", "payment_intent", "payment_method", "setup_intent")}
    return {
        "status": status,
        "param": error.get("param") or None,
        **{n: error.get(n) for n in names},
        **kept_objects,
    }


def _facts_of_headers(headers: Any) -> dict[str, Any]:
    return {"stripe-should-retry": headers.get("stripe-should-retry")}
