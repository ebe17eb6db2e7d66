"""Disputes: what the cards made for them lead to, what evidence does, what banks decide."""

from typing import Any

import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.control import Refused

from .conftest import Seller
from .receiver import Receiver

AMOUNT, FEE = 20_000, 610
WITHDRAWN = -AMOUNT - 1_500


async def _available(seller: Seller) -> int:
    """What the platform has, pending or not."""
    balance = await seller.client().balance.retrieve_async()
    return sum(line.amount for line in balance.available) + sum(line.amount for line in balance.pending)


async def _disputed(seller: Seller, card: str = "pm_card_createDispute") -> list[stripe.Dispute]:
    """The disputes that follow a payment with ``card``, oldest first."""
    intent = await seller.paid_in(AMOUNT, card)
    await seller.control.advance(seconds=1)
    listed = await seller.client().disputes.list_async({"payment_intent": intent.id})
    return listed.data[::-1]


async def _told(seller: Seller, kind: str) -> list[str]:
    """What was told about ``kind``, oldest first, by the last word of each event's type."""
    made = (await seller.client().events.list_async({"type": f"{kind}.*", "limit": 100})).data[::-1]
    return [event.type.rpartition(".")[2] for event in made]


def _moved(dispute: Any) -> list[tuple[int, int, int, str]]:
    return [(e.amount, e.fee, e.net, e.reporting_category) for e in dispute.balance_transactions]


async def _answer(seller: Seller, dispute: str, words: str) -> stripe.Dispute:
    return await seller.client().disputes.update_async(dispute, {"evidence": {"uncategorized_text": words}})


async def test_a_dispute_takes_the_money_and_a_fee_and_is_told_in_order(
    seller: Seller, platform_events: Receiver
) -> None:
    [dispute] = await _disputed(seller)

    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", AMOUNT)
    assert _moved(dispute) == [(-AMOUNT, 1_500, WITHDRAWN, "dispute")]
    assert [detail.description for detail in dispute.balance_transactions[0].fee_details] == ["Dispute fee"]
    assert await _available(seller) == -FEE - 1_500
    charge = await seller.client().charges.retrieve_async(str(dispute.charge), {"expand": ["dispute"]})
    assert charge.disputed
    assert charge.dispute.id == dispute.id  # type: ignore[attr-defined]
    await _answer(seller, dispute.id, "losing_evidence")
    await seller.control.advance(seconds=60)
    await seller.control.drain()
    told = [kind for kind in platform_events.types() if "dispute" in kind]
    assert sorted(told) == sorted(
        f"charge.dispute.{what}" for what in ("created", "funds_withdrawn", "updated", "closed")
    )
    assert await _told(seller, "charge.dispute") == ["created", "funds_withdrawn", "updated", "closed"]


async def test_the_card_for_goods_not_received_gives_that_reason(seller: Seller) -> None:
    [dispute] = await _disputed(seller, "pm_card_createDisputeProductNotReceived")

    assert dispute.reason == "product_not_received"
    card = dispute.payment_method_details.card  # type: ignore[union-attr]
    assert (card.case_type, card.network_reason_code) == ("chargeback", "13.1")  # type: ignore[union-attr]


async def test_several_disputes_may_hit_one_charge(seller: Seller) -> None:
    first, second = await _disputed(seller, "pm_card_createMultipleDisputes")

    assert first.charge == second.charge
    assert first.amount + second.amount == AMOUNT
    assert await _available(seller) == -FEE - 2 * 1_500


async def test_winning_evidence_brings_the_money_back(seller: Seller, stripe_client: V1Services) -> None:
    [dispute] = await _disputed(seller)

    answered = await _answer(seller, dispute.id, "winning_evidence")
    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    await seller.control.advance(seconds=60)

    won = await stripe_client.disputes.retrieve_async(dispute.id)
    assert (won.status, won.is_charge_refundable) == ("won", True)
    assert _moved(won)[1] == (AMOUNT, 0, AMOUNT, "dispute_reversal")
    assert await _available(seller) == AMOUNT - FEE - 1_500
    assert (await _told(seller, "charge.dispute"))[-3:] == ["updated", "closed", "funds_reinstated"]
    refund = await stripe_client.refunds.create_async({"charge": str(dispute.charge), "amount": 100})
    assert refund.charge == dispute.charge


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"fee_returned": True}, (AMOUNT, -1_500, AMOUNT + 1_500, "dispute_reversal")),
        ({"fee_returned": False}, (AMOUNT, 0, AMOUNT, "dispute_reversal")),
        ({"reinstated": 5_000}, (5_000, 0, 5_000, "dispute_reversal")),
    ],
)
async def test_a_bank_decides_with_or_without_the_fee_or_in_part(
    seller: Seller, options: dict[str, Any], line: tuple[int, int, int, str]
) -> None:
    charge = str((await seller.paid_in(AMOUNT)).latest_charge)
    dispute = await seller.control.dispute(charge)

    await seller.control.decide_dispute(dispute["id"], "won", **options)

    assert _moved(await seller.client().disputes.retrieve_async(dispute["id"]))[1] == line
    with pytest.raises(Refused, match="is over already"):
        await seller.control.decide_dispute(dispute["id"], "lost")


async def test_other_evidence_stays_under_review_until_the_bank_decides(
    seller: Seller, stripe_client: V1Services
) -> None:
    [dispute] = await _disputed(seller)
    await _answer(seller, dispute.id, "She signed for it.")

    await seller.control.advance(days=30)

    assert (await stripe_client.disputes.retrieve_async(dispute.id)).status == "under_review"
    assert (await seller.control.decide_dispute(dispute.id, "lost"))["status"] == "lost"


async def test_evidence_is_staged_until_it_is_submitted_and_then_locked(
    seller: Seller, stripe_client: V1Services
) -> None:
    [dispute] = await _disputed(seller)
    disputes = stripe_client.disputes

    staged = await disputes.update_async(dispute.id, {"evidence": {"customer_name": "J. Doe"}, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert (await disputes.update_async(dispute.id, {"metadata": {"a": "1"}})).status == "needs_response"
    sent = await disputes.update_async(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence.customer_name, dict(sent.metadata.to_dict())) == (
        "under_review",
        "J. Doe",
        {"a": "1"},
    )
    with pytest.raises(stripe.InvalidRequestError, match="only once"):
        await _answer(seller, dispute.id, "More.")


async def test_an_unanswered_dispute_is_lost_at_its_deadline(seller: Seller, stripe_client: V1Services) -> None:
    [dispute] = await _disputed(seller)
    due_by = dispute.evidence_details.due_by
    assert due_by is not None
    assert due_by % 86_400 == 86_399

    await seller.control.advance(seconds=due_by - await seller.control.now() - 60)
    assert (await stripe_client.disputes.retrieve_async(dispute.id)).status == "needs_response"
    await seller.control.advance(seconds=60)

    lost = await stripe_client.disputes.retrieve_async(dispute.id)
    assert (lost.status, lost.evidence_details.past_due) == ("lost", True)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await _answer(seller, dispute.id, "winning_evidence")


async def test_accepting_a_dispute_loses_it(seller: Seller, stripe_client: V1Services) -> None:
    [dispute] = await _disputed(seller)

    lost = await stripe_client.disputes.close_async(dispute.id)

    assert (lost.status, len(lost.balance_transactions)) == ("lost", 1)
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await stripe_client.disputes.close_async(dispute.id)


async def test_a_charge_that_was_charged_back_cannot_be_refunded(
    seller: Seller, stripe_client: V1Services
) -> None:
    [dispute] = await _disputed(seller)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await stripe_client.refunds.create_async({"charge": str(dispute.charge)})

    assert (refusal.value.http_status, refusal.value.code) == (400, "charge_disputed")


async def test_an_inquiry_moves_no_money_and_leaves_the_charge_refundable(
    seller: Seller, stripe_client: V1Services
) -> None:
    [inquiry] = await _disputed(seller, "pm_card_createDisputeInquiry")

    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert inquiry.is_charge_refundable
    assert await _available(seller) == AMOUNT - FEE
    assert (await stripe_client.refunds.create_async({"charge": str(inquiry.charge), "amount": 1})).amount == 1
    with pytest.raises(stripe.InvalidRequestError, match="inquiry"):
        await stripe_client.disputes.close_async(inquiry.id)
    await seller.control.advance(days=20)
    waiting = await stripe_client.disputes.retrieve_async(inquiry.id)
    assert (waiting.status, waiting.evidence_details.past_due) == ("warning_needs_response", True)
    await seller.control.advance(days=101)
    assert (await stripe_client.disputes.retrieve_async(inquiry.id)).status == "warning_closed"


@pytest.mark.parametrize("words", ["winning_evidence", "losing_evidence"])
async def test_an_answered_inquiry_is_closed_without_money(seller: Seller, words: str) -> None:
    [inquiry] = await _disputed(seller, "pm_card_createDisputeInquiry")

    assert (await _answer(seller, inquiry.id, words)).status == "warning_under_review"
    await seller.control.advance(seconds=60)

    closed = await seller.client().disputes.retrieve_async(inquiry.id)
    assert (closed.status, closed.balance_transactions) == ("warning_closed", [])


@pytest.mark.parametrize("by_evidence", [True, False])
async def test_an_inquiry_may_become_a_chargeback(seller: Seller, by_evidence: bool) -> None:
    [inquiry] = await _disputed(seller, "pm_card_createDisputeInquiry")

    if by_evidence:
        await _answer(seller, inquiry.id, "escalate_inquiry_evidence")
        await seller.control.advance(seconds=60)
    else:
        await seller.control.escalate_inquiry(inquiry.id)

    dispute = await seller.client().disputes.retrieve_async(inquiry.id)
    assert (dispute.status, dispute.is_charge_refundable) == ("needs_response", False)
    assert _moved(dispute) == [(-AMOUNT, 1_500, WITHDRAWN, "dispute")]
    assert (await _told(seller, "charge.dispute"))[-2:] == ["updated", "funds_withdrawn"]


async def test_the_money_may_be_told_of_before_the_dispute_is_closed(seller: Seller) -> None:
    [dispute] = await _disputed(seller)

    await seller.control.decide_dispute(dispute.id, "won", reinstated_first=True)

    assert (await _told(seller, "charge.dispute"))[-2:] == ["funds_reinstated", "closed"]
    made = (await seller.client().events.list_async({"type": "charge.dispute.funds_reinstated"})).data
    assert [event.data.object["status"] for event in made] == ["needs_response"]


async def test_an_inquiry_about_a_refunded_charge_never_takes_money(
    seller: Seller, stripe_client: V1Services
) -> None:
    await seller.paid_in(AMOUNT)
    [inquiry] = await _disputed(seller, "pm_card_createDisputeInquiry")
    await stripe_client.refunds.create_async({"charge": str(inquiry.charge)})

    closed = await seller.control.escalate_inquiry(inquiry.id)

    assert (closed["status"], closed["balance_transactions"]) == ("warning_closed", [])


async def test_a_refund_may_fail_because_of_a_dispute(seller: Seller, stripe_client: V1Services) -> None:
    [inquiry] = await _disputed(seller, "pm_card_createDisputeInquiry")
    refund = await stripe_client.refunds.create_async({"charge": str(inquiry.charge), "amount": 2_000})
    assert refund.status == "succeeded"

    await seller.control.escalate_inquiry(inquiry.id)
    failed = await seller.control.fail_refund(refund.id, "charge_for_pending_refund_disputed")

    assert (failed["status"], failed["failure_reason"]) == ("failed", "charge_for_pending_refund_disputed")
    assert await _available(seller) == -FEE - 1_500


async def test_a_part_can_be_disputed_and_also_what_was_refunded(
    seller: Seller, stripe_client: V1Services
) -> None:
    await seller.paid_in(AMOUNT)
    charge = str((await seller.paid_in(AMOUNT)).latest_charge)
    await stripe_client.refunds.create_async({"charge": charge})

    dispute = await seller.control.dispute(charge, 7_000, reason="credit_not_processed")

    assert (dispute["amount"], dispute["balance_transactions"][0]["net"]) == (7_000, -8_500)


async def test_a_prevented_dispute_gives_the_money_back_and_is_final(seller: Seller) -> None:
    charge = str((await seller.paid_in(AMOUNT)).latest_charge)

    dispute = await seller.control.dispute(charge, case="resolution")

    assert (dispute["status"], dispute["evidence_details"]["due_by"]) == ("prevented", None)
    assert [(e["amount"], e["fee"]) for e in dispute["balance_transactions"]] == [(-AMOUNT, 0)]
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await seller.client().disputes.close_async(dispute["id"])


async def test_a_dispute_ends_a_refund_that_is_still_pending(seller: Seller, stripe_client: V1Services) -> None:
    intent = await seller.paid_in(AMOUNT, "pm_card_pendingRefund")
    refund = await stripe_client.refunds.create_async({"payment_intent": intent.id, "amount": 500})

    await seller.control.dispute(str(intent.latest_charge))

    ended = await stripe_client.refunds.retrieve_async(refund.id)
    assert (ended.status, ended.failure_reason) == ("failed", "charge_for_pending_refund_disputed")


async def test_a_fraud_warning_is_actionable_until_the_charge_is_refunded_or_disputed(
    seller: Seller, stripe_client: V1Services
) -> None:
    intent = await seller.paid_in(AMOUNT, "pm_card_createIssuerFraudRecord")
    await seller.control.advance(seconds=1)
    warnings = stripe_client.radar.early_fraud_warnings
    [warning] = (await warnings.list_async({"payment_intent": intent.id})).data
    assert (warning.actionable, warning.fraud_type) == (True, "made_with_stolen_card")

    await stripe_client.refunds.create_async({"payment_intent": intent.id})

    assert not (await warnings.retrieve_async(warning.id)).actionable
    assert await _told(seller, "radar.early_fraud_warning") == ["created", "updated"]
    other = str((await seller.paid_in(AMOUNT)).latest_charge)
    again = await seller.control.warn_of_fraud(other, "misc")
    await seller.control.dispute(other)
    assert not (await warnings.retrieve_async(again["id"])).actionable


async def test_evidence_is_checked(seller: Seller) -> None:
    [dispute] = await _disputed(seller)
    update: Any = seller.client().disputes.update_async
    wrong: list[dict[str, Any]] = [
        {"receipt": "file_1"},
        {"uncategorized_text": "x" * 20_001},
        {"colour": "red"},
    ]
    for evidence in wrong:
        with pytest.raises(stripe.InvalidRequestError):
            await update(dispute.id, {"evidence": evidence})
    much = {f"refund_{name}": "x" * 20_000 for name in ("policy_disclosure", "refusal_explanation")}
    much |= dict.fromkeys(
        "access_activity_log cancellation_policy_disclosure cancellation_rebuttal duplicate_charge_explanation "
        "product_description uncategorized_text".split(),
        "x" * 20_000,
    )
    with pytest.raises(stripe.InvalidRequestError, match="150000"):
        await update(dispute.id, {"evidence": much})
    assert (await seller.client().disputes.retrieve_async(dispute.id)).status == "needs_response"
