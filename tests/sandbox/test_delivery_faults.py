"""Each kind of fault of a delivery, as the receiver experiences it, and deliveries that are held and moved."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import stripe

from stripe_sandbox.control import Refused
from stripe_sandbox.faults.deliveries import DeliveryFault

from .conftest import Seller
from .receiver import SECRET, Receiver

DAY = 86_400


async def _customer(seller: Seller, name: str) -> None:
    await seller.client().customers.create_async({"name": name})
    await seller.control.drain()


def _names(receiver: Receiver) -> str:
    """The names of the customers that arrived, in order of arrival."""
    return "".join(json.loads(body)["data"]["object"]["name"] for _, body in receiver.received)


async def _states(seller: Seller) -> list[str]:
    return [delivery["state"] for delivery in await seller.control.deliveries()]


async def duplicate(seller: Seller, receiver: Receiver) -> None:
    await _customer(seller, "A")
    assert [event["id"] for event in receiver.events()] == [receiver.events()[0]["id"]] * 2
    [event] = (await seller.client().events.list_async()).data
    assert event.pending_webhooks == 0


async def delay(seller: Seller, receiver: Receiver) -> None:
    await _customer(seller, "A")
    await _customer(seller, "B")
    assert (_names(receiver), await _states(seller)) == ("B", ["delayed", "delivered"])
    await seller.control.advance(seconds=500)
    assert _names(receiver) == "B"
    await seller.control.advance(seconds=100)
    assert _names(receiver) == "BA"


async def late(seller: Seller, receiver: Receiver) -> None:
    await _customer(seller, "A")
    await seller.control.advance(days=3.9)
    assert _names(receiver) == ""
    await seller.control.advance(days=0.1)
    [event] = receiver.events()
    assert await seller.control.now() - event["created"] >= 4 * DAY


async def reorder(seller: Seller, receiver: Receiver) -> None:
    await _customer(seller, "A")
    assert (_names(receiver), await _states(seller)) == ("", ["behind"])
    await _customer(seller, "B")
    await _customer(seller, "C")
    assert _names(receiver) == "BAC"
    await seller.control.advance(seconds=60)
    assert _names(receiver) == "BAC"


async def drop(seller: Seller, receiver: Receiver) -> None:
    await _customer(seller, "A")
    await seller.control.advance(days=4)
    assert (_names(receiver), await _states(seller)) == ("", ["dropped"])
    [event] = (await seller.client().events.list_async({"delivery_success": False})).data
    assert event.pending_webhooks == 1


async def wrong_signature(seller: Seller, receiver: Receiver) -> None:
    receiver.status = 400
    await _customer(seller, "A")
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events()
    receiver.received.clear()
    receiver.status = 200
    await seller.control.advance(seconds=5)
    assert [event["type"] for event in receiver.events()] == ["customer.created"]


async def wrong_mode(seller: Seller, receiver: Receiver) -> None:
    await _customer(seller, "A")
    other, ours = receiver.events()
    assert (other["livemode"], other["data"]["object"]["livemode"]) == (True, True)
    assert (ours["livemode"], ours["data"]["object"]["livemode"]) == (False, False)
    assert other["id"] != ours["id"]
    with pytest.raises(stripe.InvalidRequestError):
        await seller.client().events.retrieve_async(other["id"])


KINDS: dict[str, Callable[[Seller, Receiver], Awaitable[None]]] = {
    "duplicate": duplicate,
    "delay": delay,
    "late": late,
    "reorder": reorder,
    "drop": drop,
    "wrong_signature": wrong_signature,
    "wrong_mode": wrong_mode,
}


def test_every_kind_is_tested() -> None:
    assert set(KINDS) == set(DeliveryFault)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_fault_changes_what_arrives(seller: Seller, platform_events: Receiver, kind: str) -> None:
    await seller.control.plan_faults(deliveries=[{"kind": kind}])

    await KINDS[kind](seller, platform_events)

    [rule] = (await seller.control.faults())["deliveries"]
    assert rule["struck"] == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_without_the_fault_it_arrives_as_it_should(
    seller: Seller, platform_events: Receiver, kind: str
) -> None:
    """What each kind's test looks for must not be there by itself."""
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        await KINDS[kind](seller, platform_events)


async def test_a_reordered_delivery_that_nothing_follows_comes_after_a_minute(
    seller: Seller, platform_events: Receiver
) -> None:
    await seller.control.plan_faults(deliveries=[{"kind": "reorder"}])
    await _customer(seller, "A")
    await seller.control.advance(seconds=60)
    assert _names(platform_events) == "A"


async def test_a_rule_chooses_types_and_endpoints(
    seller: Seller, platform_events: Receiver, connect_events: Receiver
) -> None:
    await seller.control.plan_faults(
        deliveries=[
            {"kind": "drop", "match": "customer.*", "times": None},
            {"kind": "drop", "to": "connect", "times": None},
        ]
    )
    await _customer(seller, "A")
    await seller.funded()
    await seller.control.drain()

    assert connect_events.received == []
    assert "transfer.created" in platform_events.types()
    assert "customer.created" not in platform_events.types()


async def test_the_same_seed_gives_the_same_deliveries(seller: Seller, platform_events: Receiver) -> None:
    runs = []
    for seed in (7, 7, 8):
        await seller.control.plan_chance(seed, deliveries={"drop": 0.3, "duplicate": 0.3})
        for name in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            await _customer(seller, name)
        runs.append(_names(platform_events))
        platform_events.received.clear()

    assert runs[0] == runs[1] != runs[2]
    assert any(runs[0].count(name) == 2 for name in runs[0])
    assert len(set(runs[0])) < 26


async def _held(seller: Seller, names: str) -> list[dict[str, Any]]:
    """Hold the news of some customers; returns their deliveries."""
    await seller.control.set_delivery_mode("hold")
    for name in names:
        await _customer(seller, name)
    return await seller.control.deliveries()


async def test_what_is_held_is_released_in_order_or_shuffled_by_a_seed(
    seller: Seller, platform_events: Receiver
) -> None:
    names, orders = "ABCDEFGHIJ", []
    for seed in (None, 3, 3, 4):
        await _held(seller, names)
        assert await seller.control.release(shuffled_by=seed) == len(names)
        await seller.control.drain()
        orders.append(_names(platform_events))
        platform_events.received.clear()

    assert orders[0] == names
    assert orders[1] == orders[2] != orders[3]
    assert orders[1] != names
    assert sorted(orders[1]) == list(names)


async def test_single_deliveries_and_types_can_be_released_dropped_and_duplicated(
    seller: Seller, platform_events: Receiver
) -> None:
    first, second, third = await _held(seller, "ABC")
    await seller.client().customers.delete_async((await seller.client().customers.list_async()).data[0].id)

    assert await seller.control.drop(delivery=first["id"]) == 1
    assert await seller.control.duplicate(delivery=second["id"]) == 1
    assert await seller.control.release("customer.created", delivery=third["id"]) == 1
    assert await seller.control.release("charge.*") == 0
    assert await seller.control.drop("customer.deleted") == 1
    await seller.control.drain()
    assert _names(platform_events) == "C"
    assert await seller.control.release() == 2
    await seller.control.drain()

    assert _names(platform_events) == "CBB"
    with pytest.raises(Refused, match="no delivery dlv_none"):
        await seller.control.release(delivery="dlv_none")


async def test_a_wrong_mode_is_signed_rightly(seller: Seller, platform_events: Receiver) -> None:
    """Else the receiver would refuse it for another reason than its mode."""
    await seller.control.plan_faults(deliveries=[{"kind": "wrong_mode"}])
    await _customer(seller, "A")
    for headers, body in platform_events.received:
        stripe.WebhookSignature.verify_header(body.decode(), headers["stripe-signature"], SECRET, 300)
