"""Events and their deliveries: signatures, who gets what, retries, holding back and sending again."""

import asyncio
import socket
from pathlib import Path

import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.testing import run_in_process

from .conftest import Seller, forget_endpoints, listening
from .receiver import SECRET, Receiver

DAY = 86_400


async def _states(seller: Seller) -> list[str]:
    return [delivery["state"] for delivery in await seller.control.deliveries()]


async def test_an_event_is_signed_and_says_what_caused_it(seller: Seller, platform_events: Receiver) -> None:
    await seller.client().customers.create_async({"name": "A"}, {"idempotency_key": "c1"})
    await seller.control.drain()

    [event] = platform_events.events()
    assert (event["type"], event["livemode"], event["api_version"]) == (
        "customer.created",
        False,
        stripe.api_version,
    )
    assert event["request"]["idempotency_key"] == "c1"
    assert event["request"]["id"].startswith("req_")
    assert (event["pending_webhooks"], "account" in event) == (1, False)
    kept = await seller.client().events.retrieve_async(event["id"])
    assert kept.pending_webhooks == 0


async def test_the_sdk_itself_accepts_the_event(seller: Seller, platform_events: Receiver) -> None:
    await seller.client().customers.create_async({"name": "A"})
    await seller.control.drain()

    headers, body = platform_events.received[0]
    event = stripe.Webhook.construct_event(body, headers["stripe-signature"], SECRET)

    assert event.type == "customer.created"


async def test_an_update_says_what_was_there_before(seller: Seller, platform_events: Receiver) -> None:
    customer = await seller.client().customers.create_async({"name": "A", "email": "a@example.com"})
    await seller.client().customers.update_async(customer.id, {"name": "B"})
    await seller.control.drain()

    updated = next(event for event in platform_events.events() if event["type"] == "customer.updated")
    assert updated["data"]["previous_attributes"] == {"name": "A"}


async def test_platform_and_connected_accounts_have_endpoints_apart(
    seller: Seller, platform_events: Receiver, connect_events: Receiver
) -> None:
    account = await seller.funded()
    await seller.control.drain()

    assert {event.get("account") for event in platform_events.events()} == {None}
    assert {event.get("account") for event in connect_events.events()} == {account}
    assert "transfer.created" in platform_events.types()
    assert "payment.created" in connect_events.types()


async def test_a_refused_delivery_is_retried_with_growing_gaps_until_three_days_are_over(
    seller: Seller, platform_events: Receiver
) -> None:
    platform_events.status = 500
    await seller.client().customers.create_async({"name": "A"})
    await seller.control.drain()
    assert len(platform_events.received) == 1

    await seller.control.advance(seconds=5)
    assert len(platform_events.received) == 2
    await seller.control.advance(days=3)

    assert len(platform_events.received) == 11
    assert await _states(seller) == ["failed"]
    failed = await seller.client().events.list_async({"delivery_success": False})
    assert [event.type for event in failed.data] == ["customer.created"]
    assert {event["id"] for event in platform_events.events()} == {failed.data[0].id}


async def test_a_receiver_that_recovers_gets_the_event(seller: Seller, platform_events: Receiver) -> None:
    platform_events.status = 503
    await seller.client().customers.create_async({"name": "A"})
    await seller.control.drain()
    platform_events.status = 200

    await seller.control.advance(seconds=5)

    assert await _states(seller) == ["delivered"]
    assert len(platform_events.received) == 2


async def test_nobody_listening_counts_as_a_failed_attempt(seller: Seller) -> None:
    await seller.control.add_webhook_endpoint("http://127.0.0.1:9/nobody", SECRET)
    await seller.client().customers.create_async({"name": "A"})
    await seller.control.drain()

    [delivery] = await seller.control.deliveries()
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("retrying", 1, None)
    await forget_endpoints(seller)


async def test_deliveries_can_be_held_and_released(seller: Seller, platform_events: Receiver) -> None:
    await seller.control.set_delivery_mode("hold")
    await seller.client().customers.create_async({"name": "A"})
    await seller.control.drain()
    assert (platform_events.received, await _states(seller)) == ([], ["held"])

    assert await seller.control.release() == 1
    await seller.control.drain()

    assert platform_events.types() == ["customer.created"]


async def test_what_was_still_to_be_sent_survives_a_restart(tmp_path: Path) -> None:
    async with listening() as receiver:
        async with run_in_process(tmp_path / "state") as sandbox:
            seller = Seller(sandbox.url, sandbox.control)
            await seller.control.add_webhook_endpoint(receiver.url, SECRET)
            receiver.status = 500
            await seller.client().customers.create_async({"name": "refused at first"})
            await seller.control.drain()
            await seller.control.set_delivery_mode("hold")
            await seller.client().customers.create_async({"name": "held"})
            assert await _states(seller) == ["retrying", "held"]
            await seller.close()

        receiver.status = 200
        receiver.received.clear()
        async with run_in_process(tmp_path / "state") as sandbox:
            seller = Seller(sandbox.url, sandbox.control)
            await seller.control.drain()
            assert receiver.received == []
            await seller.control.set_delivery_mode("deliver")
            await seller.control.drain()
            await seller.control.advance(seconds=60)
            await seller.control.drain()
            assert await _states(seller) == ["delivered", "delivered"]
    assert [event["data"]["object"]["name"] for event in receiver.events()] == ["held", "refused at first"]


async def test_what_was_being_sent_is_sent_again_after_a_restart(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with run_in_process(tmp_path / "state") as sandbox:
            seller = Seller(sandbox.url, sandbox.control)
            await seller.control.add_webhook_endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}/", SECRET)
            await seller.client().customers.create_async({"name": "A"})
            assert await _states(seller) == ["waiting"]
            await seller.close()

        async with (
            await asyncio.start_server(Receiver().handle, sock=silent.dup()),
            run_in_process(tmp_path / "state") as sandbox,
        ):
            await sandbox.control.drain()
            assert await _states(Seller(sandbox.url, sandbox.control)) == ["delivered"]


async def test_dropped_deliveries_never_arrive_but_can_be_sent_later(
    seller: Seller, platform_events: Receiver, stripe_client: V1Services
) -> None:
    await seller.control.set_delivery_mode("drop")
    await stripe_client.customers.create_async({"name": "A"})
    await seller.control.set_delivery_mode("deliver")
    await seller.control.advance(days=4)
    assert platform_events.received == []

    [event] = (await stripe_client.events.list_async({"delivery_success": False})).data
    await seller.control.resend(event.id, times=3)
    await seller.control.drain()

    assert [received["id"] for received in platform_events.events()] == [event.id] * 3


async def test_an_endpoint_made_through_the_api_gets_only_what_it_asked_for(
    seller: Seller, stripe_client: V1Services
) -> None:
    async with listening() as receiver:
        endpoint = await stripe_client.webhook_endpoints.create_async(
            {"url": receiver.url, "enabled_events": ["customer.updated"]}
        )
        customer = await stripe_client.customers.create_async({"name": "A"})
        await stripe_client.customers.update_async(customer.id, {"name": "B"})
        await seller.control.drain()

        [(headers, body)] = receiver.received
        assert endpoint.secret is not None
        stripe.WebhookSignature.verify_header(body.decode(), headers["stripe-signature"], endpoint.secret, 300)
        await stripe_client.webhook_endpoints.update_async(endpoint.id, {"disabled": True})
        await stripe_client.customers.update_async(customer.id, {"name": "C"})
        await seller.control.drain()
        assert len(receiver.received) == 1
    await forget_endpoints(seller)


async def test_events_are_kept_for_thirty_days_and_can_be_filtered(
    seller: Seller, stripe_client: V1Services
) -> None:
    await stripe_client.customers.create_async({"name": "A"})
    await seller.control.advance(days=29)
    await seller.paid_in()

    def count(events: stripe.ListObject[stripe.Event]) -> int:
        return len(events.data)

    now = await seller.control.now()
    assert count(await stripe_client.events.list_async({"types": ["customer.created", "charge.succeeded"]})) == 2
    assert count(await stripe_client.events.list_async({"type": "customer.created"})) == 1
    assert count(await stripe_client.events.list_async({"created": {"gte": now - DAY}})) == 4
    assert count(await stripe_client.events.list_async({"created": {"lt": now - DAY}})) == 1
    await seller.control.advance(days=2)
    assert count(await stripe_client.events.list_async({"type": "customer.created"})) == 0


async def _story(client: V1Services) -> list[str]:
    """The types of all events so far, in the order in which they happened."""
    events = await client.events.list_async({"limit": 100})
    return [event.type for event in reversed(events.data)]


async def test_a_payment_declined_then_paid_then_refunded_is_told_in_order(
    seller: Seller, stripe_client: V1Services
) -> None:
    intent = await stripe_client.payment_intents.create_async(
        {
            "amount": 5_000,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    with pytest.raises(stripe.CardError):
        await stripe_client.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    await stripe_client.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    await stripe_client.refunds.create_async({"payment_intent": intent.id})

    assert await _story(stripe_client) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "refund.created",
        "charge.refunded",
    ]


async def test_a_payout_that_fails_on_arrival_is_told_in_order(seller: Seller) -> None:
    theirs = seller.client(account=await seller.funded(8_000, "000111111116"))
    await theirs.payouts.create_async({"amount": 8_000, "currency": "usd"})
    await seller.control.advance(days=2)

    assert await _story(theirs) == [
        "account.external_account.created",
        "capability.updated",
        "account.updated",
        "payment.created",
        "payout.created",
        "payout.updated",
        "payout.failed",
        "account.external_account.updated",
        "account.updated",
    ]


async def test_the_balance_transaction_comes_after_the_success_is_told(
    seller: Seller, stripe_client: V1Services
) -> None:
    await seller.paid_in()
    events = (await stripe_client.events.list_async({"types": ["charge.succeeded", "charge.updated"]})).data
    updated, succeeded = (event.to_dict()["data"] for event in events)

    assert succeeded["object"]["balance_transaction"] is None
    assert updated["object"]["balance_transaction"].startswith("txn_")
    assert updated["previous_attributes"] == {"balance_transaction": None}
