"""Top-ups: the platform's own money, from its bank."""

import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.control import Refused

from .conftest import Seller


async def _available(client: V1Services) -> int:
    return sum(line.amount for line in (await client.balance.retrieve_async()).available)


async def _told(client: V1Services) -> list[str]:
    return [event.type for event in (await client.events.list_async({"type": "topup.*"})).data[::-1]]


async def test_a_top_up_is_pending_for_two_days_and_then_there(seller: Seller, stripe_client: V1Services) -> None:
    topup = await stripe_client.topups.create_async(
        {"amount": 5_000, "currency": "usd", "description": "Float", "metadata": {"a": "1"}}
    )
    assert (topup.status, topup.balance_transaction) == ("pending", None)
    assert await _available(stripe_client) == 0

    await seller.control.advance(days=2)

    there = await stripe_client.topups.retrieve_async(topup.id, {"expand": ["balance_transaction"]})
    assert there.status == "succeeded"
    assert there.balance_transaction.net == 5_000  # type: ignore[union-attr]
    assert there.balance_transaction.type == "topup"  # type: ignore[union-attr]
    assert await _available(stripe_client) == 5_000
    assert await _told(stripe_client) == ["topup.created", "topup.succeeded"]
    with pytest.raises(stripe.InvalidRequestError, match="Only pending"):
        await stripe_client.topups.cancel_async(topup.id)


async def test_a_bank_may_refuse_a_top_up(seller: Seller, stripe_client: V1Services) -> None:
    source = "btok_us_insufficient_funds"
    topup = await stripe_client.topups.create_async({"amount": 5_000, "currency": "usd", "source": source})

    await seller.control.advance(days=2)

    failed = await stripe_client.topups.retrieve_async(topup.id)
    assert (failed.status, failed.failure_code) == ("failed", "insufficient_funds")
    assert await _available(stripe_client) == 0
    assert await _told(stripe_client) == ["topup.created", "topup.failed"]
    with pytest.raises(Refused, match="is over already"):
        await seller.control.fail_topup(topup.id)


async def test_a_bank_may_take_a_top_up_back(seller: Seller, stripe_client: V1Services) -> None:
    topup = await stripe_client.topups.create_async({"amount": 5_000, "currency": "usd"})
    await seller.control.advance(days=2)

    await seller.control.fail_topup(topup.id, "account_closed")

    reversed_one = await stripe_client.topups.retrieve_async(topup.id)
    assert (reversed_one.status, reversed_one.failure_code) == ("reversed", "account_closed")
    assert await _available(stripe_client) == 0


async def test_a_pending_top_up_can_be_canceled(seller: Seller, stripe_client: V1Services) -> None:
    topup = await stripe_client.topups.create_async({"amount": 5_000, "currency": "usd"})
    changed = await stripe_client.topups.update_async(topup.id, {"description": "No", "metadata": {"a": "1"}})
    assert (changed.description, changed.metadata.to_dict()) == ("No", {"a": "1"})

    assert (await stripe_client.topups.cancel_async(topup.id)).status == "canceled"

    await seller.control.advance(days=3)
    assert await _available(stripe_client) == 0
    assert await _told(stripe_client) == ["topup.created", "topup.canceled"]


async def test_top_ups_are_listed_by_amount_and_status(seller: Seller, stripe_client: V1Services) -> None:
    for amount in (1_000, 2_000, 3_000):
        await stripe_client.topups.create_async({"amount": amount, "currency": "usd"})
    smallest = (await stripe_client.topups.list_async()).data[-1]
    await stripe_client.topups.cancel_async(smallest.id)

    between = await stripe_client.topups.list_async({"amount": {"gt": 1_000, "lte": 2_000}})
    canceled = await stripe_client.topups.list_async({"status": "canceled"})

    assert [topup.amount for topup in between.data] == [2_000]
    assert [topup.amount for topup in canceled.data] == [1_000]


async def test_an_unknown_bank_is_refused(seller: Seller, stripe_client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        await stripe_client.topups.create_async({"amount": 5_000, "currency": "usd", "source": "btok_none"})
