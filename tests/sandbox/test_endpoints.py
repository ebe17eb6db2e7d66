"""Webhook endpoints: which events they get, in which version, signed with which secrets, and for how long."""

import json

import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.settings import API_VERSION

from .conftest import Seller, forget_endpoints, listening
from .receiver import SECRET, Receiver

NEW = "whsec_rolled"


def _signed_with(receiver: Receiver, secret: str) -> bool:
    """Whether the SDK accepts the newest delivery by this secret."""
    headers, body = receiver.received[-1]
    try:
        stripe.WebhookSignature.verify_header(body.decode(), headers["stripe-signature"], secret, 300)
    except stripe.SignatureVerificationError:
        return False
    return True


async def _customer(seller: Seller, name: str = "A") -> stripe.Customer:
    customer = await seller.client().customers.create_async({"name": name})
    await seller.control.drain()
    return customer


async def test_a_rolled_secret_signs_beside_the_former_one_until_that_runs_out(
    seller: Seller, platform_events: Receiver
) -> None:
    [endpoint] = await seller.control.webhook_endpoints()
    assert await seller.control.roll_secret(endpoint["id"], NEW, overlap_seconds=3_600) == NEW

    await _customer(seller)
    assert platform_events.received[-1][0]["stripe-signature"].count("v1=") == 2
    assert (_signed_with(platform_events, SECRET), _signed_with(platform_events, NEW)) == (True, True)
    await seller.control.advance(hours=1)
    await _customer(seller)
    assert (_signed_with(platform_events, SECRET), _signed_with(platform_events, NEW)) == (False, True)


async def test_a_rolled_secret_is_made_up_unless_given_and_can_be_the_only_one_at_once(
    seller: Seller, platform_events: Receiver
) -> None:
    [endpoint] = await seller.control.webhook_endpoints()
    secret = await seller.control.roll_secret(endpoint["id"], overlap_seconds=0)

    await _customer(seller)
    assert (_signed_with(platform_events, SECRET), _signed_with(platform_events, secret)) == (False, True)


async def test_a_retry_is_signed_anew_with_the_secret_that_is_valid_then(
    seller: Seller, platform_events: Receiver
) -> None:
    platform_events.status = 500
    await _customer(seller)
    [endpoint] = await seller.control.webhook_endpoints()
    await seller.control.roll_secret(endpoint["id"], NEW, overlap_seconds=0)

    await seller.control.advance(seconds=5)

    assert (_signed_with(platform_events, SECRET), _signed_with(platform_events, NEW)) == (False, True)


async def test_an_event_says_the_version_of_its_endpoint(seller: Seller, stripe_client: V1Services) -> None:
    async with listening() as old, listening() as current:
        await stripe_client.webhook_endpoints.create_async(
            {"url": old.url, "enabled_events": ["*"], "api_version": "2024-06-20"}
        )
        await stripe_client.webhook_endpoints.create_async({"url": current.url, "enabled_events": ["*"]})
        await _customer(seller)

        [(_, from_old)], [(_, from_current)] = old.received, current.received
        assert json.loads(from_old)["api_version"] == "2024-06-20"
        assert json.loads(from_current)["api_version"] == API_VERSION
    await forget_endpoints(seller)


async def test_pending_webhooks_counts_the_endpoints_that_have_not_accepted(
    seller: Seller, platform_events: Receiver
) -> None:
    async with listening() as other:
        await seller.control.add_webhook_endpoint(other.url, SECRET)
        other.status = 500
        await _customer(seller)

        async def pending() -> int:
            return (await seller.client().events.list_async()).data[0].pending_webhooks

        assert {event["pending_webhooks"] for event in platform_events.events()} <= {1, 2}
        assert await pending() == 1
        [event] = (await seller.client().events.list_async({"delivery_success": False})).data
        await seller.control.resend(event.id, times=2)
        await seller.control.drain()
        assert await pending() == 1
        other.status = 200
        await seller.control.advance(seconds=30)
        assert await pending() == 0
        assert (await seller.client().events.list_async({"delivery_success": False})).data == []


@pytest.mark.parametrize("way", ["disabled", "deleted"])
async def test_an_endpoint_that_is_disabled_or_deleted_gets_no_retries(
    seller: Seller, platform_events: Receiver, stripe_client: V1Services, way: str
) -> None:
    platform_events.status = 500
    await _customer(seller)
    [endpoint] = await seller.control.webhook_endpoints()
    if way == "disabled":
        await stripe_client.webhook_endpoints.update_async(endpoint["id"], {"disabled": True})
    else:
        await stripe_client.webhook_endpoints.delete_async(endpoint["id"])
    await seller.control.drain()
    so_far = len(platform_events.received)

    await seller.control.advance(days=4)

    assert len(platform_events.received) == so_far
    assert [delivery["state"] for delivery in await seller.control.deliveries()] == ["failed"]


async def test_an_endpoint_that_is_enabled_again_gets_what_is_retried_later(
    seller: Seller, platform_events: Receiver, stripe_client: V1Services
) -> None:
    platform_events.status = 500
    await _customer(seller)
    [endpoint] = await seller.control.webhook_endpoints()
    await stripe_client.webhook_endpoints.update_async(endpoint["id"], {"disabled": True})
    await _customer(seller, "nobody hears of it")
    await stripe_client.webhook_endpoints.update_async(endpoint["id"], {"disabled": False})
    platform_events.status = 200
    platform_events.received.clear()

    await seller.control.advance(seconds=5)

    assert [event["data"]["object"]["name"] for event in platform_events.events()] == ["A"]


async def test_only_events_that_exist_can_be_asked_for(stripe_client: V1Services) -> None:
    """``transfer.paid`` is the classic: it was removed years ago, and much code still waits for it."""
    for event in ("transfer.paid", "payout.*", ""):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stripe_client.webhook_endpoints.create_async(
                {"url": "http://127.0.0.1:9/x", "enabled_events": [event]}  # type: ignore[list-item]
            )
        assert refused.value.param == "enabled_events[0]"


async def test_an_endpoint_needs_a_version_that_looks_like_one(stripe_client: V1Services) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stripe_client.webhook_endpoints.create_async(
            {"url": "http://127.0.0.1:9/x", "enabled_events": ["*"], "api_version": "newest"}  # type: ignore[typeddict-item]
        )
    assert refused.value.param == "api_version"


async def test_there_are_at_most_sixteen_endpoints(seller: Seller, stripe_client: V1Services) -> None:
    for number in range(16):
        await stripe_client.webhook_endpoints.create_async(
            {"url": f"http://127.0.0.1:9/{number}", "enabled_events": ["*"]}
        )
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        await stripe_client.webhook_endpoints.create_async(
            {"url": "http://127.0.0.1:9/x", "enabled_events": ["*"]}
        )
    await seller.control.set_delivery_mode("drop")
    await forget_endpoints(seller)


async def test_events_are_listed_by_a_type_a_group_or_several_types_but_not_by_both(
    stripe_client: V1Services,
) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})
    await stripe_client.customers.update_async(customer.id, {"name": "B"})
    await stripe_client.payment_intents.create_async({"amount": 500, "currency": "usd"})

    assert len((await stripe_client.events.list_async({"type": "customer.*"})).data) == 2
    assert len((await stripe_client.events.list_async({"type": "customer.updated"})).data) == 1
    assert len((await stripe_client.events.list_async({"types": ["customer.updated", "x.y"]})).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.events.list_async({"type": "customer.updated", "types": ["customer.created"]})
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.events.list_async({"types": [f"x.y{number}" for number in range(21)]})
