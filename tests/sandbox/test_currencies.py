"""Currencies: the least and the greatest amount, those without decimals or with three, and whole units only."""

from typing import Any

import pytest
import stripe
from stripe._v1_services import V1Services

from .conftest import Seller

ACCOUNT_NUMBER = "000123456789"


async def _pay(client: V1Services, amount: int, currency: str) -> stripe.PaymentIntent:
    given: Any = {
        "amount": amount,
        "currency": currency,
        "payment_method": "pm_card_bypassPending",
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    return await client.payment_intents.create_async(given)


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("usd", 50),
        ("usd", 99_999_999),
        ("gbp", 30),
        ("huf", 17_500),
        ("huf", 17_501),
        ("jpy", 50),
        ("krw", 1_001),
        ("twd", 5_055),
        ("kwd", 1_230),
        ("isk", 50_000),
        ("ugx", 500_000),
    ],
)
async def test_an_amount_that_the_currency_has_is_charged(
    seller: Seller, stripe_client: V1Services, currency: str, amount: int
) -> None:
    paid = await _pay(stripe_client, amount, currency)

    assert (paid.status, paid.amount_received, paid.currency) == ("succeeded", amount, currency)


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("usd", 49, "amount_too_small"),
        ("usd", 0, "parameter_invalid_integer"),
        ("usd", 100_000_000, "amount_too_large"),
        ("jpy", 49, "amount_too_small"),
        ("huf", 17_400, "amount_too_small"),
        ("kwd", 1_234, "parameter_invalid_integer"),
        ("isk", 50_050, "parameter_invalid_integer"),
        ("ugx", 500_001, "parameter_invalid_integer"),
    ],
)
async def test_an_amount_that_the_currency_does_not_have_is_refused(
    seller: Seller, stripe_client: V1Services, currency: str, amount: int, code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await _pay(stripe_client, amount, currency)

    assert (refusal.value.code, refusal.value.param) == (code, "amount")


@pytest.mark.parametrize(("currency", "paid", "wrong"), [("kwd", 100_000, 1_005), ("isk", 100_000, 150)])
async def test_refunds_transfers_and_top_ups_keep_to_the_steps_of_the_currency(
    seller: Seller, stripe_client: V1Services, currency: str, paid: int, wrong: int
) -> None:
    intent = await _pay(stripe_client, paid, currency)
    account = await seller.connected()
    given: Any = {"amount": wrong, "currency": currency}
    with pytest.raises(stripe.InvalidRequestError, match="divisible"):
        await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": wrong})
    with pytest.raises(stripe.InvalidRequestError, match="divisible"):
        await stripe_client.transfers.create_async(given | {"destination": account})
    with pytest.raises(stripe.InvalidRequestError, match="divisible"):
        await stripe_client.topups.create_async(given)


@pytest.mark.parametrize(
    ("currency", "wrong", "right"),
    [("huf", 10_050, 10_000), ("twd", 10_001, 10_000), ("isk", 10_050, 10_000), ("kwd", 1_005, 1_010)],
)
async def test_payouts_of_some_currencies_are_whole_units(
    seller: Seller, stripe_client: V1Services, currency: str, wrong: int, right: int
) -> None:
    account = await seller.connected()
    await seller.control.change_bank(account, ACCOUNT_NUMBER, currency=currency)
    await _pay(stripe_client, 1_000_000, currency)
    transfer: Any = {"amount": 100_000, "currency": currency, "destination": account}
    await stripe_client.transfers.create_async(transfer)
    payouts = seller.client(account=account).payouts

    with pytest.raises(stripe.InvalidRequestError, match="divisible"):
        await payouts.create_async({"amount": wrong, "currency": currency})

    assert (await payouts.create_async({"amount": right, "currency": currency})).amount == right


async def test_an_automatic_payout_leaves_the_fraction_behind(seller: Seller, stripe_client: V1Services) -> None:
    account = await seller.connected()
    await seller.control.change_bank(account, ACCOUNT_NUMBER, currency="huf")
    await _pay(stripe_client, 1_000_000, "huf")
    transfer: Any = {"amount": 100_050, "currency": "huf", "destination": account}
    await stripe_client.transfers.create_async(transfer)
    await seller.control.set_payout_schedule("daily", account=account)

    await seller.control.advance(days=1)

    [payout] = (await seller.client(account=account).payouts.list_async()).data
    assert (payout.amount, payout.automatic) == (100_000, True)
