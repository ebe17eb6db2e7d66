"""Refunds that do not simply succeed, and fees that are known late."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.control import Refused
from stripe_sandbox.testing import run_in_process

from .conftest import Seller

FEE = 610  # of 20,000


async def _told(client: V1Services) -> list[str]:
    """What was told about refunds, oldest first; what follows stands below what caused it."""
    kinds = ["refund.created", "refund.updated", "refund.failed", "charge.refunded", "charge.refund.updated"]
    return [event.type for event in (await client.events.list_async({"types": kinds})).data[::-1]]


async def _total(client: V1Services) -> int:
    balance = await client.balance.retrieve_async()
    return sum(line.amount for line in balance.available) + sum(line.amount for line in balance.pending)


async def test_a_refund_keeps_the_fee(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(20_000)
    await seller.paid_in(20_000)
    refund = await stripe_client.refunds.create_async(
        {"payment_intent": intent.id, "amount": 5_000, "expand": ["balance_transaction"]}
    )

    entry: Any = refund.balance_transaction
    assert (entry.amount, entry.fee, entry.net) == (-5_000, 0, -5_000)
    assert await _total(stripe_client) == 2 * (20_000 - FEE) - 5_000
    assert await _told(stripe_client) == ["refund.created", "charge.refunded"]


async def test_a_refund_must_agree_with_its_charge(seller: Seller, stripe_client: V1Services) -> None:
    one, other = await seller.paid_in(), await seller.paid_in()
    wrong: list[Any] = [
        {"charge": one.latest_charge, "payment_intent": other.id},
        {"charge": one.latest_charge, "currency": "eur"},
    ]

    params = []
    for refund in wrong:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stripe_client.refunds.create_async(refund)
        params.append(refused.value.param)

    assert params == ["payment_intent", "currency"]
    assert (await stripe_client.refunds.list_async()).data == []


async def test_a_refund_may_stay_pending_first(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(20_000, "pm_card_pendingRefund")
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")

    await seller.control.advance(hours=1)

    assert (await stripe_client.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert (await _told(stripe_client))[2:] == ["refund.updated", "charge.refund.updated"]


async def test_a_refund_may_fail_after_it_succeeded(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(20_000, "pm_card_refundFail")
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    assert refund.status == "succeeded"

    await seller.control.advance(hours=1)

    failed = await stripe_client.refunds.retrieve_async(refund.id, {"expand": ["failure_balance_transaction"]})
    entry: Any = failed.failure_balance_transaction
    assert (failed.status, entry.amount, entry.type) == ("failed", 100, "refund_failure")
    assert (await _told(stripe_client))[2:] == ["refund.updated", "charge.refund.updated", "refund.failed"]
    charge = await stripe_client.charges.retrieve_async(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)


async def test_a_refund_that_the_balance_does_not_cover_waits_for_money(
    seller: Seller, stripe_client: V1Services
) -> None:
    intent = await seller.paid_in(20_000)  # the fee is missing for a full refund
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id})
    assert (refund.status, refund.pending_reason) == ("pending", "insufficient_funds")
    await seller.control.advance(hours=1)
    assert (await stripe_client.refunds.retrieve_async(refund.id)).status == "pending"

    await seller.paid_in(20_000)
    await seller.control.advance(hours=1)

    assert (await stripe_client.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert await _total(stripe_client) == 20_000 - 2 * FEE


async def test_a_refund_because_of_fraud_reports_the_charge(seller: Seller, stripe_client: V1Services) -> None:
    charge = str((await seller.paid_in(20_000)).latest_charge)

    await stripe_client.refunds.create_async({"charge": charge, "amount": 100, "reason": "fraudulent"})

    reported = (await stripe_client.charges.retrieve_async(charge)).fraud_details
    assert reported is not None
    assert reported.user_report == "fraudulent"


@pytest.mark.parametrize("card", ["pm_card_bypassPending", "pm_card_pendingRefund"])
async def test_a_refund_to_a_card_cannot_be_canceled(seller: Seller, stripe_client: V1Services, card: str) -> None:
    intent = await seller.paid_in(20_000, card)
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 100})

    with pytest.raises(stripe.InvalidRequestError, match="unsupported"):
        await stripe_client.refunds.cancel_async(refund.id)


async def test_the_refunds_of_a_charge_are_listed_with_it(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient
) -> None:
    charge = str((await seller.paid_in(20_000)).latest_charge)
    await seller.paid_in(20_000)
    made = [await stripe_client.refunds.create_async({"charge": charge, "amount": n}) for n in (100, 200)]

    listed = (await http.get(f"/v1/charges/{charge}/refunds")).json()

    assert [refund["id"] for refund in listed["data"]] == [refund.id for refund in made[::-1]]


async def test_the_fee_may_be_known_late(seller: Seller, stripe_client: V1Services) -> None:
    await seller.control.change_settings(charge_settles_after_seconds=60)
    intent = await seller.paid_in(20_000)
    charges = stripe_client.charges
    assert intent.status == "succeeded"
    assert (await charges.retrieve_async(str(intent.latest_charge))).balance_transaction is None
    assert await _total(stripe_client) == 0

    await seller.control.advance(seconds=60)

    charge = await charges.retrieve_async(str(intent.latest_charge), {"expand": ["balance_transaction"]})
    assert charge.balance_transaction.fee == FEE  # type: ignore[union-attr]
    [told] = (await stripe_client.events.list_async({"type": "charge.updated"})).data
    assert told.data.previous_attributes.to_dict() == {"balance_transaction": None}  # type: ignore[union-attr]


async def test_with_synchronous_capture_the_fee_is_known_at_once(
    seller: Seller, stripe_client: V1Services
) -> None:
    await seller.control.change_settings(charge_settles_after_seconds=60)
    given: Any = {
        "amount": 20_000,
        "currency": "usd",
        "capture_method": "automatic",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    await stripe_client.payment_intents.create_async(given)

    [told] = (await stripe_client.events.list_async({"type": "charge.succeeded"})).data

    assert told.data.object["balance_transaction"] is not None
    assert (await stripe_client.events.list_async({"type": "charge.updated"})).data == []


async def test_a_refund_before_the_fee_is_known_waits_for_the_charge(
    seller: Seller, stripe_client: V1Services
) -> None:
    await seller.control.change_settings(charge_settles_after_seconds=60)
    intent = await seller.paid_in(20_000)
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 1_000})
    assert (refund.status, refund.pending_reason) == ("pending", "charge_pending")

    await seller.control.advance(seconds=61)

    assert (await stripe_client.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert await _total(stripe_client) == 20_000 - FEE - 1_000


async def test_what_follows_from_an_unsettled_charge_keeps_the_books(
    seller: Seller, stripe_client: V1Services
) -> None:
    await seller.control.change_settings(charge_settles_after_seconds=60)
    account = await seller.connected()
    charge = str((await seller.paid_in(20_000)).latest_charge)
    transfer: Any = {"amount": 100, "currency": "usd", "destination": account, "source_transaction": charge}
    await stripe_client.transfers.create_async(transfer)
    theirs = await seller.client(account=account).balance.retrieve_async()
    assert theirs.pending[0].amount == 100

    dispute = await seller.control.dispute(charge)

    assert dispute["balance_transactions"][0]["net"] == -21_500
    assert (await stripe_client.charges.retrieve_async(charge)).balance_transaction is not None
    await seller.control.advance(days=3)


async def test_settings_and_deadlines_survive_a_restart(tmp_path: Path) -> None:
    async with run_in_process(tmp_path / "state") as sandbox:
        seller = Seller(sandbox.url, sandbox.control)
        await sandbox.control.change_settings(dispute_fee_minor=2_000)
        charge = str((await seller.paid_in(20_000)).latest_charge)
        dispute = await sandbox.control.dispute(charge)
        await seller.close()

    async with run_in_process(tmp_path / "state") as sandbox:
        seller = Seller(sandbox.url, sandbox.control)
        assert (await sandbox.control.settings())["dispute_fee_minor"] == 2_000
        await sandbox.control.advance(days=10)
        lost = await seller.client().disputes.retrieve_async(dispute["id"])
        assert (lost.status, lost.balance_transactions[0].fee) == ("lost", 2_000)
        assert (await sandbox.control.books())["balanced"]
        await seller.close()


async def test_settings_are_checked_and_end_with_a_reset(seller: Seller) -> None:
    wrong: list[dict[str, Any]] = [
        {"colour": 1},
        {"dispute_fee_minor": -1},
        {"dispute_fee_minor": True},
        {"dispute_fee_returned_when_won": 1},
        {"delivery_gaps_seconds": 1},
    ]
    for values in wrong:
        with pytest.raises(Refused):
            await seller.control.change_settings(**values)
    before = await seller.control.settings()
    changed = await seller.control.change_settings(dispute_fee_minor=2_000, dispute_fee_returned_when_won=True)
    assert changed == before | {"dispute_fee_minor": 2_000, "dispute_fee_returned_when_won": True}
    charge = str((await seller.paid_in(20_000)).latest_charge)
    dispute = await seller.control.dispute(charge)
    won = await seller.control.decide_dispute(dispute["id"], "won")
    assert [entry["fee"] for entry in won["balance_transactions"]] == [2_000, -2_000]

    await seller.control.reset()

    assert await seller.control.settings() == before
