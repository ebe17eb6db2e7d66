"""Refunds, disputes and their reversals in every order, on PostgreSQL: no more goes back than was paid."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.disputes.settle import Seen as Disputed
from jobsphere.disputes.settle import dispute_seen
from jobsphere.identity.people import User
from jobsphere.ledger.accounts import dispute_costs, stripe_balance, wallet_available
from jobsphere.ledger.read import balances
from jobsphere.reconciliation.audit import prove
from jobsphere.refunds import lifecycle as refund_rules
from jobsphere.refunds import store as refunds
from jobsphere.refunds.reasons import refusal
from jobsphere.refunds.request import MoreThanRefundable, NotRefundable
from jobsphere.refunds.settle import refunds_seen
from jobsphere.stripe_gateway.dispute import Dispute, Movement
from jobsphere.stripe_gateway.objects import Refund
from jobsphere.wallets.freezes import WalletFrozen
from jobsphere.wallets.wallet import InsufficientFunds
from tests.database.history import _deposit, _refund, seen
from tests.marketplace.market import Market, usd

PAID = 20_000
# Every example is played in the same database, by people of its own.
IDS = IdsFromSeed()


@dataclass
class AtStripe:
    """A payment of 200.00 as Stripe has it: what it lets happen, it tells of in any order and more than once."""

    intent_id: str
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)

    @property
    def returned_minor(self) -> int:
        """What card and bank have got back."""
        live = (one.amount.amount_minor for one in self.refunds.values() if one.status != "failed")
        moved = (m.amount.amount_minor for one in self.disputes.values() for m in one.movements)
        return sum(live) - sum(moved)

    def refund(self, minor: int, **named: Any) -> bool:
        """Whether Stripe makes it."""
        disputed = any(one.status == "needs_response" for one in self.disputes.values())
        is_made = minor <= PAID - self.returned_minor and not disputed
        if is_made:
            id_ = f"re_{self.intent_id}_{len(self.refunds)}"
            self.refunds[id_] = Refund(id_, "succeeded", usd(f"{minor / 100:.2f}"), None, None, **named)
        return is_made

    def fail_refund(self, which: int) -> None:
        live = [id_ for id_, one in self.refunds.items() if one.status != "failed"]
        if live:
            one = self.refunds[live[which % len(live)]]
            self.refunds[one.id] = Refund(one.id, "failed", one.amount, None, None, metadata=one.metadata)

    def dispute(self, minor: int) -> None:
        if minor <= PAID - self.returned_minor:
            id_ = f"du_{self.intent_id}_{len(self.disputes)}"
            amount = usd(f"{minor / 100:.2f}")
            taken = Movement(f"txn_{id_}_taken", -amount, usd("15.00"))
            self.disputes[id_] = Dispute(
                id_, "needs_response", amount, "fraudulent", None, self.intent_id, (taken,), None, 0
            )

    def decide(self, which: int, status: str) -> None:
        open_ = [one for one in self.disputes.values() if one.status == "needs_response"]
        if open_:
            one = open_[which % len(open_)]
            given = (Movement(f"txn_{one.id}_given", one.amount, usd("0.00")),) if status == "won" else ()
            self.disputes[one.id] = Dispute(
                one.id, status, one.amount, one.reason, None, self.intent_id, (*one.movements, *given), None, 0
            )


async def refuse(market: Market, refund_id: UUID) -> None:
    """Stripe answers a request with no."""

    async def work(connection: AsyncConnection) -> None:
        for rule in (refund_rules.begin_sending, lambda one: refund_rules.refused(one, refusal(None))):
            refund = await refunds.lock(connection, refund_id)
            await refunds.save(connection, refund, rule(refund), now=market.clock.now())

    await market.do(work)


async def spend(market: Market, customer: User, contractor: User, amount: str, *, whole: bool) -> None:
    """Offer a job, let it be accepted, and complete it if it is to be spent for good."""
    job = await market.post(customer)
    try:
        offer = await market.send(customer, job, contractor, amount)
    except (InsufficientFunds, WalletFrozen):
        return
    await market.accept(contractor.id, offer.id)
    if whole:
        await market.complete(customer.id, job.id)


async def held(engine: AsyncEngine, wallet_id: UUID) -> dict[str, int]:
    accounts = {
        "available": wallet_available(wallet_id, "usd"),
        "stripe": stripe_balance("usd"),
        "costs": dispute_costs("usd"),
    }
    async with reading(engine) as connection:
        found = await balances(connection, accounts.values())
    return {name: found[account].amount_minor for name, account in accounts.items()}


STEP = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, PAID)),
    st.tuples(st.just("refund"), st.integers(1, PAID)),
    st.tuples(st.just("fail_refund"), st.integers(0, 3)),
    st.tuples(st.just("dispute"), st.integers(1, PAID)),
    st.tuples(st.just("win"), st.integers(0, 3)),
    st.tuples(st.just("lose"), st.integers(0, 3)),
    st.tuples(st.just("spend"), st.integers(1, 10_000)),
    st.tuples(st.just("tell"), st.integers(0, 5)),
)


@given(steps=st.lists(STEP, min_size=2, max_size=12), shortfall=st.sampled_from(Shortfall))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_order_returns_more_than_was_paid(
    engine: AsyncEngine, steps: list[tuple[str, int]], shortfall: Shortfall
) -> None:
    clock = ClockMovedByHand()
    market = Market(engine, clock, IDS)
    customer, contractor = await market.customer("0.00"), await market.contractor()
    stripe = AtStripe(f"pi_{market.ids.new().hex}")
    deposit_id = await _deposit(market, customer, stripe.intent_id, succeeds=True)
    before = await held(engine, customer.id)
    assert before["available"] == PAID

    async def tell() -> None:
        now, ids = clock.now(), market.ids
        payment = seen(*stripe.refunds.values(), intent_id=stripe.intent_id)
        await market.do(lambda c: refunds_seen(c, payment, ids=ids, now=now))
        for dispute in stripe.disputes.values():
            told = Disputed(payment.intent, dispute)
            await market.do(lambda c: dispute_seen(c, told, shortfall=shortfall, ids=ids, now=now))  # noqa: B023

    for kind, number in steps:
        clock.advance(minutes=1)
        match kind:
            case "ask":
                try:
                    refund_id = await _refund(market, customer, deposit_id, f"{number / 100:.2f}")
                except (NotRefundable, MoreThanRefundable, WalletFrozen):
                    continue
                if not stripe.refund(number, metadata={"refund_id": str(refund_id)}):
                    await refuse(market, refund_id)
            case "spend":
                amount = f"{max(number, 500) / 100:.2f}"
                await spend(market, customer, contractor, amount, whole=number % 2 == 0)
            case "win" | "lose":
                stripe.decide(number, "won" if kind == "win" else "lost")
            case "tell":
                await tell()
            case _:
                getattr(stripe, kind)(number)
        assert stripe.returned_minor <= PAID
    for _ in range(2):
        await tell()

    proof = await prove(engine, now=clock.now())
    assert proof.holds, [result for result in proof.results if result.breaches]
    after = await held(engine, customer.id)
    assert after["stripe"] - before["stripe"] == -stripe.returned_minor - (after["costs"] - before["costs"])
