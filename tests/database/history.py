"""An honest history: deposits, offers and withdrawals in every kind of state, made by the verbs themselves."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.deposits import lifecycle as deposit_rules
from jobsphere.deposits import store as deposits
from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.start import start
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.disputes.settle import Seen as Disputed
from jobsphere.disputes.settle import dispute_seen
from jobsphere.disputes.tables import disputes
from jobsphere.identity.people import User
from jobsphere.money import Money
from jobsphere.refunds.request import request as request_refund
from jobsphere.refunds.settle import Seen, refunds_seen
from jobsphere.stripe_gateway.dispute import Dispute, Movement
from jobsphere.stripe_gateway.objects import PaymentIntent, Payout, Refund
from jobsphere.wallets.limits import Limits
from jobsphere.withdrawals import lifecycle as withdrawal_rules
from jobsphere.withdrawals import store as withdrawals
from jobsphere.withdrawals.policy import Policy
from jobsphere.withdrawals.request import request
from jobsphere.withdrawals.withdrawal import Step, Withdrawal
from tests.marketplace.market import Market, usd

LIMITS = Limits.of(Decimal(1), Decimal(10_000), "usd")
PAYOUT = Payout("po_1", "paid", usd("50.00"), None, None, {})
WithdrawalRule = Callable[[Withdrawal], Step]


@dataclass(frozen=True, slots=True)
class History:
    """What a breach is planted into."""

    customer: UUID  # also the id of the wallet
    contractor: UUID
    open_deposit: UUID
    settled_deposit: UUID
    open_offer: UUID
    accepted_offer: UUID
    completed_offer: UUID
    open_withdrawal: UUID
    open_refund: UUID
    open_dispute: UUID
    paid_withdrawal: UUID


def seen(*refunds: Refund, intent_id: str = "pi_1", status: str = "succeeded") -> Seen:
    """The payment of 200.00 and its refunds, as Stripe has them."""
    amount = usd("200.00")
    return Seen(PaymentIntent(intent_id, status, amount, amount, f"ch_{intent_id}", None, {}), refunds)


async def live_through(market: Market) -> History:
    """200.00 in; jobs done, under way, offered; refunds asked for and found; withdrawals of all kinds."""
    customer, contractor = await market.customer("0.00"), await market.contractor()
    settled = await _deposit(market, customer, "pi_1", succeeds=True)
    open_ = await _deposit(market, customer, "pi_2", succeeds=False)
    offers = []
    for _ in range(3):
        job = await market.post(customer)
        offers.append((job, await market.send(customer, job, contractor, "60.00")))
    for job, offer in offers[:2]:
        await market.accept(contractor.id, offer.id)
        if job is offers[0][0]:
            await market.complete(customer.id, job.id)
    await _onboard(market, contractor)
    transferred = [withdrawal_rules.begin_transfer, lambda w: withdrawal_rules.transfer_made(w, f"tr_{w.id.hex}")]
    paid = await _withdraw(
        market,
        contractor,
        "20.00",
        *transferred,
        withdrawal_rules.begin_payout,
        lambda w: withdrawal_rules.payout_paid(w, PAYOUT),
    )
    await _withdraw(
        market,
        contractor,
        "5.00",
        *transferred,
        withdrawal_rules.begin_payout,
        lambda w: withdrawal_rules.payout_failed(w, replace(PAYOUT, id="po_2"), market.clock.now()),
        withdrawal_rules.begin_reversal,
        lambda w: withdrawal_rules.transfer_reversed(w, "trr_1"),
    )
    await _withdraw(market, contractor, "5.00", *transferred)
    waiting = await _withdraw(market, contractor, "10.00")
    refund = Refund("re_1", "succeeded", usd("12.00"), "ch_pi_1", "pi_1")
    asked = await _refund(market, customer, settled, "5.00")
    await market.do(lambda c: refunds_seen(c, seen(refund), ids=market.ids, now=market.clock.now()))
    disputed = await _dispute(market)
    completed, accepted, sent = (offer.id for _, offer in offers)
    return History(
        customer.id,
        contractor.id,
        open_,
        settled,
        sent,
        accepted,
        completed,
        waiting,
        asked,
        disputed,
        paid,
    )


async def _deposit(market: Market, customer: User, intent_id: str, *, succeeds: bool) -> UUID:
    deposit_id = market.ids.new()

    async def work(connection: AsyncConnection) -> Deposit:
        now = market.clock.now()
        deposit = await start(
            connection,
            deposit_id=deposit_id,
            user_id=customer.id,
            amount=Money.from_major("200.00", "usd"),
            payment_method_id="pm_card_visa",
            limits=LIMITS,
            now=now,
            lease_seconds=0,
        )
        if not succeeds:
            return deposit
        step = deposit_rules.succeeded(deposit, intent_id, deposit.amount, f"ch_{intent_id}")
        return await deposits.save(connection, deposit, step, now=now)

    await market.do(work)
    return deposit_id


async def _refund(market: Market, customer: User, deposit_id: UUID, amount: str) -> UUID:
    refund_id = market.ids.new()
    await market.do(
        lambda c: request_refund(
            c,
            refund_id=refund_id,
            deposit_id=deposit_id,
            amount=usd(amount),
            requested_by=customer.id,
            owner_id=customer.id,
            now=market.clock.now(),
        )
    )
    return refund_id


async def _dispute(market: Market) -> UUID:
    """Somebody else's 200.00, of which a bank took 30.00 back."""
    somebody = await market.customer("0.00")
    await _deposit(market, somebody, "pi_3", succeeds=True)
    taken = Movement("txn_1", -usd("30.00"), usd("15.00"))
    report = Dispute("du_1", "needs_response", usd("30.00"), "fraudulent", "ch_pi_3", "pi_3", (taken,), None, 0)
    told = Disputed(seen(intent_id="pi_3").intent, report)
    now = market.clock.now()
    await market.do(lambda c: dispute_seen(c, told, shortfall=Shortfall.DEBT, ids=market.ids, now=now))
    async with reading(market.engine) as connection:
        id_: UUID = (await connection.execute(select(disputes.c.id))).scalar_one()
    return id_


async def _onboard(market: Market, contractor: User) -> None:
    onboarded = "UPDATE wallets SET stripe_connect_account_id = 'acct_1', stripe_connect_onboarded = true"
    await market.do(
        lambda connection: connection.execute(text(f"{onboarded} WHERE user_id = :id"), {"id": contractor.id})
    )


async def _withdraw(market: Market, contractor: User, amount: str, *rules: WithdrawalRule) -> UUID:
    withdrawal_id = market.ids.new()

    async def work(connection: AsyncConnection) -> None:
        now = market.clock.now()
        withdrawal = await request(
            connection,
            withdrawal_id=withdrawal_id,
            user_id=contractor.id,
            amount=usd(amount),
            policy=Policy(LIMITS),
            now=now,
        )
        for rule in rules:
            withdrawal = await withdrawals.save(connection, withdrawal, rule(withdrawal), now=now)

    await market.do(work)
    return withdrawal_id
