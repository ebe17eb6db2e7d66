"""The verbs that store what the rules say: what came is credited, what is not there is not sent, and each once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading
from jobsphere.deposits import settle
from jobsphere.deposits.lifecycle import UnexpectedAmount
from jobsphere.ledger.accounts import stripe_balance, wallet_available, wallet_debt
from jobsphere.ledger.read import balances
from jobsphere.money import Money
from jobsphere.reconciliation.audit import prove
from jobsphere.refunds.settle import RefundBeforeDeposit, UnexpectedRefund, refunds_seen
from jobsphere.stripe_gateway.errors import OutcomeUnknown
from jobsphere.stripe_gateway.objects import PaymentIntent, Refund
from jobsphere.wallets.debts import DebtOrigin, debts_of
from jobsphere.wallets.limits import AmountOutOfLimits
from jobsphere.wallets.transactions import list_transactions
from jobsphere.wallets.wallet import InsufficientFunds, WalletInactive
from jobsphere.withdrawals.checks import NotOnboarded
from jobsphere.withdrawals.policy import Policy
from jobsphere.withdrawals.request import request
from tests.database.history import LIMITS, History, live_through, seen
from tests.marketplace.market import Market, usd

EVERYTHING = (
    "SELECT (SELECT count(*) FROM postings), (SELECT count(*) FROM transactions), (SELECT count(*) FROM refunds)"
)


@pytest.fixture
def market(engine: AsyncEngine, clock: ClockMovedByHand, ids: IdsFromSeed) -> Market:
    return Market(engine, clock, ids)


@pytest.fixture
async def history(market: Market) -> History:
    return await live_through(market)


def intent(history: History, *, received: str, asked: str = "200.00") -> PaymentIntent:
    metadata = {"deposit_id": str(history.open_deposit)}
    return PaymentIntent("pi_2", "succeeded", usd(asked), usd(received), "ch_2", None, metadata)


async def counts(engine: AsyncEngine) -> tuple[int, ...]:
    async with reading(engine) as connection:
        return tuple((await connection.execute(text(EVERYTHING))).one())


async def held(engine: AsyncEngine, history: History) -> tuple[Money, ...]:
    """Available, debt, and the platform's balance at Stripe."""
    wallet = history.customer
    accounts = [wallet_available(wallet, "usd"), wallet_debt(wallet, "usd"), stripe_balance("usd")]
    async with reading(engine) as connection:
        return tuple((await balances(connection, accounts)).values())


async def test_what_was_received_is_credited_once_however_often_it_is_told(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    before, owed, at_stripe = await held(engine, history)

    for _ in range(3):
        told = intent(history, received="200.00")
        assert await market.do(lambda c: settle.payment_succeeded(c, told, now=market.clock.now()))  # noqa: B023

    after, still_owed, at_stripe_after = await held(engine, history)
    assert (after - before + owed, still_owed) == (usd("200.00"), usd("0.00"))
    assert at_stripe_after - at_stripe == usd("200.00")
    assert (await prove(engine, now=market.clock.now())).holds


@pytest.mark.parametrize("received", ["199.99", "200.01", "0.00"])
async def test_what_was_asked_for_is_not_credited_where_something_else_was_received(
    engine: AsyncEngine, market: Market, history: History, received: str
) -> None:
    before = await counts(engine)
    told = intent(history, received=received)

    with pytest.raises(UnexpectedAmount):
        await market.do(lambda c: settle.payment_succeeded(c, told, now=market.clock.now()))

    assert await counts(engine) == before


async def test_a_refund_is_booked_once_however_often_it_is_told(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    before = await counts(engine)
    again = Refund("re_1", "succeeded", usd("12.00"), "ch_pi_1", "pi_1")

    for _ in range(2):
        told = seen(again, again)
        await market.do(lambda c: refunds_seen(c, told, ids=market.ids, now=market.clock.now()))  # noqa: B023

    assert await counts(engine) == before


async def test_a_refund_takes_what_the_wallet_holds_and_leaves_the_rest_as_a_debt(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    # 200.00 came, three offers hold 63.00 each and a refund 5.00: the other refund of 12.00 found 6.00.
    assert (await held(engine, history))[:2] == (usd("0.00"), usd("6.00"))

    more = Refund("re_2", "pending", usd("5.00"), "ch_pi_1", "pi_1")
    assert await market.do(lambda c: refunds_seen(c, seen(more), ids=market.ids, now=market.clock.now()))

    assert (await held(engine, history))[:2] == (usd("0.00"), usd("11.00"))
    assert (await prove(engine, now=market.clock.now())).holds


async def test_a_refund_that_fails_pays_back_the_debt_it_left_and_no_other(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    failed = Refund("re_1", "failed", usd("12.00"), "ch_pi_1", "pi_1")

    for _ in range(2):
        await market.do(lambda c: refunds_seen(c, seen(failed), ids=market.ids, now=market.clock.now()))

    assert (await held(engine, history))[:2] == (usd("6.00"), usd("0.00"))
    assert (await prove(engine, now=market.clock.now())).holds


async def test_what_comes_in_pays_the_debts_first_oldest_first(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    more = Refund("re_2", "succeeded", usd("300.00"), "ch_pi_1", "pi_1")
    with pytest.raises(OutcomeUnknown):  # more than is left of the deposit, as far as we know now
        await market.do(lambda c: refunds_seen(c, seen(more), ids=market.ids, now=market.clock.now()))
    market.clock.advance(seconds=1)
    more = replace(more, amount=usd("180.00"))
    await market.do(lambda c: refunds_seen(c, seen(more), ids=market.ids, now=market.clock.now()))

    told = intent(history, received="200.00")
    await market.do(lambda c: settle.payment_succeeded(c, told, now=market.clock.now()))

    assert (await held(engine, history))[:2] == (usd("14.00"), usd("0.00"))
    async with reading(engine) as connection:
        owed = await debts_of(connection, history.customer)
        shown = await list_transactions(connection, history.customer, before=None, limit=3)
    assert [(debt.origin, debt.amount, debt.open) for debt in owed] == [
        (DebtOrigin.REFUND, usd("180.00"), usd("0.00")),
        (DebtOrigin.REFUND, usd("6.00"), usd("0.00")),
    ]
    assert {(one.type.value, one.amount) for one in shown[:2]} == {
        ("debt_repayment", usd("180.00")),
        ("debt_repayment", usd("6.00")),
    }
    assert (await prove(engine, now=market.clock.now())).holds


async def test_a_refund_of_another_amount_than_ours_is_for_a_person(market: Market, history: History) -> None:
    other = Refund("re_1", "failed", usd("11.00"), "ch_pi_1", "pi_1")

    with pytest.raises(UnexpectedRefund):
        await market.do(lambda c: refunds_seen(c, seen(other), ids=market.ids, now=market.clock.now()))


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_refund_that_was_not_made_moves_nothing(
    engine: AsyncEngine, market: Market, history: History, status: str
) -> None:
    before = await counts(engine)
    failed = Refund("re_9", status, usd("5.00"), "ch_pi_1", "pi_1")

    for _ in range(2):
        await market.do(lambda c: refunds_seen(c, seen(failed), ids=market.ids, now=market.clock.now()))

    # It is kept and shown as failed; no money moved.
    assert await counts(engine) == (before[0], before[1] + 1, before[2] + 1)
    assert (await prove(engine, now=market.clock.now())).holds


async def test_a_refund_waits_for_its_deposit_and_one_of_nobody_is_not_ours(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    processing = replace(intent(history, received="0.00"), status="processing")
    await market.do(lambda c: settle.payment_said(c, processing, now=market.clock.now()))
    refund = Refund("re_9", "succeeded", usd("5.00"), "ch_2", "pi_2")

    unpaid, nobodys = seen(refund, intent_id="pi_2", status="processing"), seen(refund, intent_id="pi_of_nobody")
    with pytest.raises(RefundBeforeDeposit):
        await market.do(lambda c: refunds_seen(c, unpaid, ids=market.ids, now=market.clock.now()))
    assert not await market.do(lambda c: refunds_seen(c, nobodys, ids=market.ids, now=market.clock.now()))


@pytest.fixture
async def contractor(market: Market, history: History, engine: AsyncEngine) -> History:
    """The customer, now with an account that can be paid, and 194.00 in the wallet."""
    told = intent(history, received="200.00")
    await market.do(lambda c: settle.payment_succeeded(c, told, now=market.clock.now()))
    await change(market, history, "stripe_connect_account_id = 'acct_2', stripe_connect_onboarded = true")
    return history


async def change(market: Market, owner: History, values: str) -> None:
    statement = f"UPDATE wallets SET {values} WHERE id = :id"  # noqa: S608 - constants of this file
    await market.do(lambda c: c.execute(text(statement), {"id": owner.customer}))


async def withdraw(market: Market, contractor: History, amount: str) -> None:
    withdrawal_id = market.ids.new()
    await market.do(
        lambda c: request(
            c,
            withdrawal_id=withdrawal_id,
            user_id=contractor.customer,
            amount=usd(amount),
            policy=Policy(LIMITS),
            now=market.clock.now() + timedelta(seconds=1),
        )
    )


async def test_all_that_is_there_can_be_withdrawn_and_not_a_cent_more(
    engine: AsyncEngine, market: Market, contractor: History
) -> None:
    before = await counts(engine)
    with pytest.raises(InsufficientFunds):
        await withdraw(market, contractor, "194.01")
    assert await counts(engine) == before

    await withdraw(market, contractor, "194.00")

    assert (await held(engine, contractor))[0] == usd("0.00")
    with pytest.raises(InsufficientFunds):
        await withdraw(market, contractor, "1.00")
    assert (await prove(engine, now=market.clock.now())).holds


@pytest.mark.parametrize(
    ("values", "amount", "refusal"),
    [
        ("is_active = false", "10.00", WalletInactive),
        ("stripe_connect_onboarded = false", "10.00", NotOnboarded),
        ("stripe_connect_account_id = NULL", "10.00", NotOnboarded),
        ("is_active = true", "0.99", AmountOutOfLimits),
        ("is_active = true", "10000.01", AmountOutOfLimits),
    ],
)
async def test_a_withdrawal_that_is_refused_leaves_nothing(
    engine: AsyncEngine, market: Market, contractor: History, values: str, amount: str, refusal: type[Exception]
) -> None:
    await change(market, contractor, values)
    before = await counts(engine)

    with pytest.raises(refusal):
        await withdraw(market, contractor, amount)

    assert await counts(engine) == before


async def test_a_payment_of_another_deposit_is_not_this_one(
    engine: AsyncEngine, market: Market, history: History
) -> None:
    foreign = replace(intent(history, received="200.00"), id="pi_x", metadata={})
    before = await counts(engine)

    assert not await market.do(lambda c: settle.payment_succeeded(c, foreign, now=market.clock.now()))

    assert await counts(engine) == before
