"""The tour: a marketplace's money from a card to a bank, with everything that goes wrong on the way."""

import pytest
import stripe
from stripe._v1_services import V1Services

from .conftest import Seller
from .receiver import Receiver


async def test_a_deposit_is_created_confirmed_and_enters_the_balance_less_the_fee(
    seller: Seller, stripe_client: V1Services
) -> None:
    customer = await stripe_client.customers.create_async({"email": "a@example.com"})
    intent = await stripe_client.payment_intents.create_async(
        {
            "amount": 20_000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_bypassPending",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"deposit_id": "d1"},
        }
    )
    assert intent.status == "requires_confirmation"

    paid = await stripe_client.payment_intents.confirm_async(
        intent.id, {"expand": ["latest_charge.balance_transaction"]}
    )

    charge = paid.latest_charge
    assert isinstance(charge, stripe.Charge)
    entry = charge.balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)
    assert (paid.status, charge.metadata.to_dict()) == ("succeeded", {"deposit_id": "d1"})
    assert (entry.amount, entry.fee, entry.net, entry.status) == (20_000, 610, 19_390, "available")
    balance = await stripe_client.balance.retrieve_async()
    assert [(part.amount, part.currency) for part in balance.available] == [(19_390, "usd")]


async def test_a_declined_card_leaves_the_intent_open_for_another_one(
    stripe_client: V1Services,
) -> None:
    intent = await stripe_client.payment_intents.create_async(
        {
            "amount": 5_000,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )

    with pytest.raises(stripe.CardError) as declined:
        await stripe_client.payment_intents.confirm_async(
            intent.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
        )
    error = declined.value.error
    assert error is not None
    assert (declined.value.http_status, error.code, error.decline_code) == (
        402,
        "card_declined",
        "insufficient_funds",
    )
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"

    paid = await stripe_client.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.id, paid.status) == (intent.id, "succeeded")
    charges = await stripe_client.charges.list_async({"payment_intent": intent.id})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]


async def test_card_money_is_pending_for_two_days(seller: Seller, stripe_client: V1Services) -> None:
    await seller.paid_in(10_000, "pm_card_visa")
    before = await stripe_client.balance.retrieve_async()

    await seller.control.advance(days=2)

    after = await stripe_client.balance.retrieve_async()
    assert (before.available[0].amount, before.pending[0].amount) == (0, 9_680)
    assert (after.available[0].amount, after.pending[0].amount) == (9_680, 0)


async def test_a_withdrawal_goes_by_transfer_and_payout_to_the_bank(
    seller: Seller, stripe_client: V1Services, connect_events: Receiver
) -> None:
    account = await seller.connected()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stripe_client.transfers.create_async({"amount": 8_000, "currency": "usd", "destination": account})
    assert refused.value.code == "balance_insufficient"
    await seller.paid_in()

    transfer = await stripe_client.transfers.create_async(
        {"amount": 8_000, "currency": "usd", "destination": account}
    )
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async(
        {"amount": 8_000, "currency": "usd", "metadata": {"withdrawal_id": "w1"}}
    )
    assert (transfer.destination, payout.status, payout.automatic) == (account, "pending", False)

    await seller.control.advance(days=2)

    assert (await theirs.payouts.retrieve_async(payout.id)).status == "paid"
    arrived = [event for event in connect_events.events() if event["type"].startswith("payout.")]
    assert {event["account"] for event in arrived} == {account}
    assert [event["type"] for event in arrived] == ["payout.created", "payout.updated", "payout.paid"]
    assert arrived[-1]["data"]["object"]["metadata"] == {"withdrawal_id": "w1"}
