"""Time: everything that falls due happens in order of its time, in one long stride or in many small ones."""

from itertools import pairwise

import stripe

from .conftest import Seller
from .receiver import Receiver

HOUR, DAY = 3_600, 86_400


async def _busy(seller: Seller) -> str:
    """Set a lot in motion; returns the account that has payouts under way."""
    account = await seller.funded(8_000)
    theirs = seller.client(account=account)
    await theirs.payouts.create_async({"amount": 1_000, "currency": "usd"})
    await seller.control.change_bank(account, "000111111116")
    await theirs.payouts.create_async({"amount": 2_000, "currency": "usd"})
    for card in ("pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"):
        intent = await seller.paid_in(5_000, card)
        await seller.client().refunds.create_async({"payment_intent": intent.id, "amount": 100})
    await seller.control.set_payout_schedule("weekly")
    return account


async def _story(seller: Seller, account: str, since: int) -> list[tuple[str, int]]:
    """What happened after ``since``, the platform's and the account's events: type and hours later."""
    story: list[tuple[str, int]] = []
    for client in (seller.client(), seller.client(account=account)):
        events = [event async for event in (await client.events.list_async({"limit": 100})).auto_paging_iter()]
        ordered = [(event.type, event.created) for event in reversed(events)]
        assert all(earlier[1] <= later[1] for earlier, later in pairwise(ordered))
        story += [(kind, round((created - since) / HOUR)) for kind, created in ordered if created > since + 60]
    return story


async def test_one_long_stride_and_many_small_ones_tell_the_same_story(seller: Seller) -> None:
    stories = []
    for strides in (1, 60):
        await seller.control.reset()
        account = await _busy(seller)
        since = await seller.control.now()
        for _ in range(strides):
            await seller.control.advance(days=20 / strides)
        stories.append(await _story(seller, account, since))

    assert stories[0] == stories[1]
    kinds = {kind for kind, _ in stories[0]}
    assert {"payout.paid", "payout.failed", "refund.failed", "refund.updated"} <= kinds


async def test_time_stops_at_everything_that_falls_due_on_the_way(
    seller: Seller, connect_events: Receiver, platform_events: Receiver
) -> None:
    """What a receiver is told was sent when it happened, not when the stride was over."""
    await _busy(seller)
    await seller.paid_in(5_000, "pm_card_createDispute")
    await seller.control.drain()
    connect_events.received.clear()
    platform_events.received.clear()
    before = await seller.control.now()
    upcoming = [task["due"] for task in await seller.control.schedule()]
    assert upcoming == sorted(upcoming)

    await seller.control.advance(days=30)

    assert "charge.dispute.closed" in platform_events.types()
    for receiver in (connect_events, platform_events):
        moments = [event["created"] for event in receiver.events()]
        # Several are under way at a time, so those of one stop may overtake each other; stops lie hours apart.
        assert all(later > earlier - 60 for earlier, later in pairwise(moments))
        assert len({moment // HOUR for moment in moments if moment > before + 60}) > 1


async def test_what_falls_due_at_the_end_of_a_stride_happens_and_what_does_later_does_not(seller: Seller) -> None:
    await seller.paid_in(10_000, "pm_card_visa")
    [entry] = (await seller.client().balance_transactions.list_async()).data
    now = await seller.control.now()

    await seller.control.advance(seconds=entry.available_on - now - 60)
    assert (await seller.client().balance_transactions.retrieve_async(entry.id)).status == "pending"
    await seller.control.advance(seconds=60)
    assert (await seller.client().balance_transactions.retrieve_async(entry.id)).status == "available"


async def test_keys_are_forgotten_after_a_day_and_events_after_thirty(seller: Seller) -> None:
    client = seller.client()

    async def customer(name: str, key: str) -> stripe.Customer:
        return await client.customers.create_async({"name": name}, {"idempotency_key": key})

    first = await customer("A", "k")
    await seller.control.advance(hours=23)
    assert (await customer("A", "k")).id == first.id
    await seller.control.advance(hours=1)
    assert (await customer("B", "k")).id != first.id

    [younger, older] = (await client.events.list_async()).data
    await seller.control.advance(days=29)
    assert [event.id for event in (await client.events.list_async()).data] == [younger.id]
    await seller.control.advance(days=1, hours=2)
    assert (await client.events.list_async()).data == []
    assert await seller.control.deliveries() == []
    assert older.type == "customer.created"


async def test_what_is_too_old_is_forgotten_for_good(seller: Seller, platform_events: Receiver) -> None:
    """Else a sandbox that runs for months grows without end."""
    for number in range(20):
        await seller.client().customers.create_async({"name": "A"}, {"idempotency_key": f"k{number}"})
        await seller.control.advance(hours=20)
    await seller.control.advance(days=31)

    assert await seller.control.deliveries() == []
    assert [task["action"] for task in await seller.control.schedule()] == []
    assert len(platform_events.received) == 20
