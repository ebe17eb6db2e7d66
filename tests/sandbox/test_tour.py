"""The tour: a marketplace's money from a card to a bank, with everything that goes wrong on the way."""

import pytest
import stripe
from stripe._v1_services import V1Services
from stripe.params import TransferCreateParams

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


async def test_a_card_that_asks_for_authentication_is_charged_once_it_is_given(
    seller: Seller, platform_events: Receiver
) -> None:
    intent = await seller.paid_in(5_000, "pm_card_authenticationRequired")
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"

    await seller.control.authenticate(intent.id, succeed=True)

    assert (await seller.client().payment_intents.retrieve_async(intent.id)).status == "succeeded"
    await seller.control.drain()
    assert sorted(platform_events.types()) == [
        "charge.succeeded",
        "charge.updated",
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("card", "succeed", "code"),
    [
        ("pm_card_authenticationRequired", False, "payment_intent_authentication_failure"),
        ("pm_card_threeDSecureRequiredChargeDeclined", True, "card_declined"),
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", True, "card_declined"),
    ],
)
async def test_failed_authentication_or_a_decline_after_it_leaves_the_intent_open(
    seller: Seller, card: str, succeed: bool, code: str
) -> None:
    intent = await seller.paid_in(5_000, card)

    await seller.control.authenticate(intent.id, succeed=succeed)

    after = await seller.client().payment_intents.retrieve_async(intent.id)
    assert after.last_payment_error is not None
    assert (after.status, after.last_payment_error.code) == ("requires_payment_method", code)


async def test_an_absent_customer_cannot_authenticate(stripe_client: V1Services) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await stripe_client.payment_intents.create_async(
            {
                "amount": 1_000,
                "currency": "usd",
                "payment_method": "pm_card_authenticationRequired",
                "confirm": True,
                "off_session": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
    assert declined.value.code == "authentication_required"


@pytest.mark.parametrize(
    ("number", "code"),
    [("000111111116", "no_account"), ("000111111113", "account_closed"), ("000333333335", "debit_not_authorized")],
)
async def test_a_payout_to_a_bad_bank_fails_on_arrival_and_its_money_returns(
    seller: Seller, connect_events: Receiver, number: str, code: str
) -> None:
    account = await seller.funded(8_000, number)
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 8_000, "currency": "usd"})
    await seller.control.advance(days=2)

    failed = await theirs.payouts.retrieve_async(payout.id)
    balance = await theirs.balance.retrieve_async()
    assert (failed.status, failed.failure_code) == ("failed", code)
    assert failed.failure_balance_transaction is not None
    assert balance.available[0].amount == 8_000
    assert "payout.paid" not in connect_events.types()
    with pytest.raises(stripe.InvalidRequestError):
        await theirs.payouts.create_async({"amount": 100, "currency": "usd"})

    await seller.control.onboard(account, account_number="000123456789")
    assert (await theirs.payouts.create_async({"amount": 8_000, "currency": "usd"})).status == "pending"


async def test_a_paid_payout_may_still_fail_and_the_transfer_can_then_be_reversed(
    seller: Seller, stripe_client: V1Services, connect_events: Receiver
) -> None:
    account = await seller.funded()
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 8_000, "currency": "usd"})
    await seller.control.advance(days=2)
    transfer = (await stripe_client.transfers.list_async({"destination": account})).data[0]
    with pytest.raises(stripe.InvalidRequestError) as spent:
        await stripe_client.transfers.reversals.create_async(transfer.id)
    assert spent.value.code == "balance_insufficient"

    await seller.control.fail_payout(payout.id, "account_closed")
    await seller.control.drain()

    kinds = [kind for kind in connect_events.types() if kind.startswith("payout.")]
    assert sorted(kinds) == ["payout.created", "payout.failed", "payout.paid", "payout.updated"]
    assert (await theirs.payouts.retrieve_async(payout.id)).status == "failed"
    reversal = await stripe_client.transfers.reversals.create_async(transfer.id, {"amount": 3_000})
    assert reversal.amount == 3_000
    after = await stripe_client.transfers.retrieve_async(transfer.id)
    assert (after.amount_reversed, after.reversed) == (3_000, False)
    await stripe_client.transfers.reversals.create_async(transfer.id)
    assert (await stripe_client.transfers.retrieve_async(transfer.id)).reversed


async def test_a_pending_payout_can_be_canceled_and_a_later_one_cannot(seller: Seller) -> None:
    theirs = seller.client(account=await seller.funded())
    first = await theirs.payouts.create_async({"amount": 3_000, "currency": "usd"})
    second = await theirs.payouts.create_async({"amount": 5_000, "currency": "usd"})

    canceled = await theirs.payouts.cancel_async(first.id)
    await seller.control.advance(hours=1)

    assert canceled.status == "canceled"
    assert (await theirs.balance.retrieve_async()).available[0].amount == 3_000
    with pytest.raises(stripe.InvalidRequestError):
        await theirs.payouts.cancel_async(second.id)


async def test_refunds_are_partial_then_full_and_never_more(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(20_000)
    await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 5_000})

    with pytest.raises(stripe.InvalidRequestError) as too_much:
        await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 15_001})
    assert (too_much.value.code, too_much.value.param) == (None, "amount")
    await seller.paid_in(20_000)
    rest = await stripe_client.refunds.create_async({"payment_intent": intent.id})

    charge = await stripe_client.charges.retrieve_async(str(intent.latest_charge))
    assert (rest.amount, charge.amount_refunded, charge.refunded) == (15_000, 20_000, True)
    with pytest.raises(stripe.InvalidRequestError) as again:
        await stripe_client.refunds.create_async({"payment_intent": intent.id})
    assert again.value.code == "charge_already_refunded"


async def test_a_refund_that_seemed_done_may_fail_and_its_money_returns(
    seller: Seller, stripe_client: V1Services, platform_events: Receiver
) -> None:
    intent = await seller.paid_in(10_000, "pm_card_refundFail")
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 4_000})
    assert refund.status == "succeeded"

    await seller.control.advance(hours=1)

    failed = await stripe_client.refunds.retrieve_async(refund.id)
    charge = await stripe_client.charges.retrieve_async(str(intent.latest_charge))
    assert failed.status == "failed"
    assert failed.failure_balance_transaction is not None
    assert charge.amount_refunded == 0
    assert "refund.failed" in platform_events.types()


async def test_a_refund_may_stay_pending_for_a_while(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(10_000, "pm_card_pendingRefund")
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "pending"

    await seller.control.advance(hours=1)

    assert (await stripe_client.refunds.retrieve_async(refund.id)).status == "succeeded"


async def test_a_refund_that_the_balance_does_not_cover_waits_for_money(
    seller: Seller, stripe_client: V1Services
) -> None:
    intent = await seller.paid_in(10_000)
    account = await seller.connected()
    await stripe_client.transfers.create_async({"amount": 9_000, "currency": "usd", "destination": account})

    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id})
    assert (refund.status, refund.pending_reason) == ("pending", "insufficient_funds")
    await seller.paid_in(20_000)
    await seller.control.advance(hours=1)

    assert (await stripe_client.refunds.retrieve_async(refund.id)).status == "succeeded"


async def test_a_refund_made_in_the_dashboard_is_told_by_events_alone(
    seller: Seller, platform_events: Receiver
) -> None:
    intent = await seller.paid_in()

    refund = await seller.control.dashboard_refund(str(intent.latest_charge), 2_500)
    await seller.control.drain()

    created = next(event for event in platform_events.events() if event["type"] == "refund.created")
    assert created["data"]["object"]["id"] == refund["id"]
    assert created["request"] == {"id": None, "idempotency_key": None}


async def test_a_transfer_tied_to_a_charge_waits_with_it(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(10_000, "pm_card_visa")
    account = await seller.connected()
    await stripe_client.transfers.create_async(_tied(intent, account, 6_000))
    theirs = seller.client(account=account)
    assert (await theirs.balance.retrieve_async()).pending[0].amount == 6_000

    await seller.control.advance(days=2)

    assert (await theirs.balance.retrieve_async()).available[0].amount == 6_000
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.transfers.create_async(_tied(intent, account, 4_001))


def _tied(intent: stripe.PaymentIntent, account: str, amount: int) -> TransferCreateParams:
    charge = str(intent.latest_charge)
    return {"amount": amount, "currency": "usd", "destination": account, "source_transaction": charge}
