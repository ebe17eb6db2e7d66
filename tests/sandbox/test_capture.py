"""Payments that are captured by hand: in full, in part, too late or never."""

from typing import Any

import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.control import Refused

from .conftest import Seller


async def _agreed(client: V1Services, card: str = "pm_card_bypassPending") -> stripe.PaymentIntent:
    given: Any = {
        "amount": 20_000,
        "currency": "usd",
        "capture_method": "manual",
        "payment_method": card,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    return await client.payment_intents.create_async(given)


async def _told(client: V1Services) -> list[str]:
    events = (await client.events.list_async({"limit": 100})).data[::-1]
    return [event.type for event in events if event.type.startswith(("charge.", "payment_intent."))]


async def _available(client: V1Services) -> int:
    return sum(line.amount for line in (await client.balance.retrieve_async()).available)


async def test_nothing_moves_until_the_payment_is_captured(seller: Seller, stripe_client: V1Services) -> None:
    intent = await _agreed(stripe_client)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 20_000, 0)
    assert await _available(stripe_client) == 0
    charge = await stripe_client.charges.retrieve_async(str(intent.latest_charge))
    assert (charge.paid, charge.captured, charge.balance_transaction) == (True, False, None)

    captured = await stripe_client.payment_intents.capture_async(intent.id)

    assert (captured.status, captured.amount_capturable, captured.amount_received) == ("succeeded", 0, 20_000)
    assert await _available(stripe_client) == 20_000 - 610
    assert await _told(stripe_client) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


async def test_a_part_is_captured_and_the_rest_released(seller: Seller, stripe_client: V1Services) -> None:
    intent = await _agreed(stripe_client)
    intents = stripe_client.payment_intents
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await intents.capture_async(intent.id, {"amount_to_capture": 20_001})
    assert (refusal.value.code, refusal.value.param) == ("amount_too_large", "amount_to_capture")

    await intents.capture_async(intent.id, {"amount_to_capture": 5_000, "metadata": {"a": "1"}})

    charge = await stripe_client.charges.retrieve_async(str(intent.latest_charge))
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (20_000, 5_000, 15_000)
    assert await _available(stripe_client) == 5_000 - 175
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 5_001})
    await seller.paid_in(1_000)
    await stripe_client.refunds.create_async({"payment_intent": intent.id})
    assert (await stripe_client.charges.retrieve_async(charge.id)).refunded


async def test_canceling_releases_the_whole_payment(seller: Seller, stripe_client: V1Services) -> None:
    intent = await _agreed(stripe_client)

    canceled = await stripe_client.payment_intents.cancel_async(intent.id)

    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    assert (await stripe_client.charges.retrieve_async(str(intent.latest_charge))).refunded
    assert (await _told(stripe_client))[-2:] == ["charge.refunded", "payment_intent.canceled"]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await stripe_client.payment_intents.capture_async(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"


async def test_a_payment_that_is_not_captured_lapses(seller: Seller, stripe_client: V1Services) -> None:
    intent = await _agreed(stripe_client)

    await seller.control.advance(days=7)

    lapsed = await stripe_client.payment_intents.retrieve_async(intent.id)
    assert (lapsed.status, lapsed.cancellation_reason) == ("canceled", "automatic")
    assert (await _told(stripe_client))[-2:] == ["charge.expired", "payment_intent.canceled"]


async def test_what_the_bank_agreed_to_stays_as_it_is(seller: Seller, stripe_client: V1Services) -> None:
    intent = await _agreed(stripe_client)
    changed = await stripe_client.payment_intents.update_async(intent.id, {"description": "Job"})
    assert changed.description == "Job"

    with pytest.raises(stripe.InvalidRequestError, match="amount cannot be updated"):
        await stripe_client.payment_intents.update_async(intent.id, {"amount": 1_000})
    with pytest.raises(stripe.InvalidRequestError, match="not captured"):
        await stripe_client.refunds.create_async({"charge": str(intent.latest_charge)})
    with pytest.raises(Refused, match="nobody disputes it"):
        await seller.control.dispute(str(intent.latest_charge))


async def test_a_dispute_follows_the_capture_not_the_agreement(seller: Seller, stripe_client: V1Services) -> None:
    intent = await _agreed(stripe_client, "pm_card_createDispute")
    await seller.control.advance(seconds=1)
    assert (await stripe_client.disputes.list_async()).data == []

    await stripe_client.payment_intents.capture_async(intent.id, {"amount_to_capture": 7_000})
    await seller.control.advance(seconds=1)

    [dispute] = (await stripe_client.disputes.list_async()).data
    assert dispute.amount == 7_000
