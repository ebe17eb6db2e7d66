"""Disputes: every state times every status of Stripe's, the order of freezing, and the laws of the money."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsphere.disputes import lifecycle
from jobsphere.disputes.lifecycle import Dispute, DisputeState, Part, PartState, Shortfall
from jobsphere.disputes.plan import Held, plan, wanted
from jobsphere.ledger.accounts import (
    dispute_contested,
    dispute_costs,
    dispute_frozen,
    offer_escrow,
    platform_losses,
    stripe_balance,
    wallet_available,
    wallet_debt,
)
from jobsphere.money import Money
from jobsphere.notifications.notice import NoticeType
from jobsphere.stripe_gateway.dispute import Dispute as Report
from jobsphere.stripe_gateway.dispute import Movement
from tests.rules.withdrawing import Books

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID, DEPOSIT, USER, WALLET_ID = (UUID(int=number) for number in range(1, 5))
OFFERS = tuple(UUID(int=number) for number in range(10, 14))
WALLET, DEBT = wallet_available(WALLET_ID, "usd"), wallet_debt(WALLET_ID, "usd")
FROZEN, CONTESTED = dispute_frozen(ID, "usd"), dispute_contested(ID, "usd")
STRIPE, COSTS, LOSSES = stripe_balance("usd"), dispute_costs("usd"), platform_losses("usd")
LIVE = frozenset(OFFERS)


def usd(minor: int) -> Money:
    return Money(minor, "usd")


def took(minor: int = 10_000, fee: int = 1_500, id_: str = "txn_1") -> Movement:
    return Movement(id_, usd(-minor), usd(fee))


def gave(minor: int = 10_000, fee: int = 0, id_: str = "txn_2") -> Movement:
    return Movement(id_, usd(minor), usd(-fee))


def report(status: str, *movements: Movement, amount: int = 10_000) -> Report:
    return Report("du_1", status, usd(amount), "fraudulent", "ch_1", "pi_1", movements, None, 0)


def new(amount: int = 10_000) -> Dispute:
    first = report("needs_response", amount=amount)
    return lifecycle.new(first, id_=ID, deposit_id=DEPOSIT, user_id=USER, wallet_id=WALLET_ID, now=NOW)


STATUSES = {
    "warning_needs_response": (),
    "warning_under_review": (),
    "warning_closed": (),
    "needs_response": (took(),),
    "under_review": (took(),),
    "appeal_under_review": (took(),),
    "something_new": (took(),),
    "won": (took(), gave()),
    "lost": (took(),),
    "prevented": (took(fee=0),),
}
STATE_OF = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "closed",
    "needs_response": "open",
    "under_review": "under_review",
    "appeal_under_review": "under_review",
    "something_new": "under_review",
    "won": "won",
    "lost": "lost",
    "prevented": "lost",
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("state", list(DisputeState))
def test_every_state_and_every_status(state: DisputeState, status: str) -> None:
    before = replace(new(), state=state)

    after = lifecycle.seen(before, report(status, *STATUSES[status])).dispute

    decided = ("won", "lost")
    # What was decided stays so until it is decided otherwise; an appeal alone changes nothing.
    kept = state in decided and STATE_OF[status] not in decided
    assert after.state.value == (state.value if kept else STATE_OF[status])


@pytest.mark.parametrize(
    ("status", "movements"), [("won", (took(),)), ("lost", ())], ids=["won, not paid back", "lost, not taken"]
)
def test_what_is_decided_waits_for_its_money(status: str, movements: tuple[Movement, ...]) -> None:
    assert lifecycle.seen(new(), report(status, *movements)).dispute.state is DisputeState.DECIDED


@pytest.mark.parametrize("status", STATUSES)
def test_money_is_frozen_when_it_may_be_lost(status: str) -> None:
    step = lifecycle.seen(new(), report(status, *STATUSES[status]))

    assert step.needs_freeze is (STATE_OF[status] in ("open", "under_review", "lost"))
    assert not lifecycle.seen(
        replace(step.dispute, is_frozen=True), report(status, *STATUSES[status])
    ).needs_freeze


def test_an_inquiry_moves_nothing_until_it_escalates() -> None:
    asked = lifecycle.seen(new(), report("warning_needs_response"))
    assert (asked.entries, asked.needs_freeze, asked.notices) == ((), False, ())

    escalated = lifecycle.seen(asked.dispute, report("needs_response", took()))

    assert escalated.needs_freeze
    assert [entry.reference for entry in escalated.entries] == [f"dispute:{ID}:withdrawn:txn_1"]


@dataclass
class Case:
    """One dispute with its books: a wallet of 60.00, and an accepted offer of 50.00."""

    shortfall: Shortfall = Shortfall.DEBT
    books: Books = field(default_factory=lambda: Books({WALLET: 6_000, offer_escrow(OFFERS[0], "usd"): 5_000}))
    dispute: Dispute = field(default_factory=new)

    def see(self, told: Report) -> None:
        step = lifecycle.seen(self.dispute, told)
        self.books.record(step.entries)
        self.dispute = step.dispute
        if step.needs_freeze:
            self.freeze()
        settled = lifecycle.settle(self.dispute, self.shortfall, LIVE)
        self.books.record(settled.entries)
        self.dispute = settled.dispute
        self.check()

    def freeze(self) -> None:
        escrow = Held(OFFERS[0], usd(self.books.of(offer_escrow(OFFERS[0], "usd"))))
        planned = plan(self.dispute.amount, usd(self.books.of(WALLET)), (), (escrow,))
        sources = [(planned.from_wallet, None), *((one.amount, one.offer_id) for one in planned.from_escrow)]
        parts = tuple(Part(i, amount, id_) for i, (amount, id_) in enumerate(sources) if amount)
        step = lifecycle.froze(self.dispute, parts)
        self.books.record(step.entries)
        self.dispute = step.dispute

    def check(self) -> None:
        assert self.books.of(CONTESTED) == self.dispute.contested.amount_minor
        assert self.books.of(FROZEN) == self.dispute.frozen.amount_minor


def test_won_thaws_exactly() -> None:
    case = Case()
    case.see(report("needs_response"))
    assert (case.books.of(WALLET), case.books.of(FROZEN)) == (0, 10_000)
    case.see(report("needs_response", took()))
    case.see(report("won", took(), gave()))

    assert (case.books.of(WALLET), case.books.of(offer_escrow(OFFERS[0], "usd"))) == (6_000, 5_000)
    assert (case.books.of(STRIPE), case.books.of(COSTS)) == (-1_500, 1_500)
    assert {part.state for part in case.dispute.parts} == {PartState.THAWED}


def test_the_fee_comes_back_only_if_stripe_gives_it_back() -> None:
    case = Case()
    case.see(report("won", took(), gave(fee=1_500)))

    assert (case.books.of(STRIPE), case.books.of(COSTS)) == (0, 0)


@pytest.mark.parametrize(
    ("shortfall", "debt", "losses"), [(Shortfall.DEBT, 2_000, 0), (Shortfall.PLATFORM, 0, 2_000)]
)
def test_lost_takes_in_order_and_the_rest_is_borne_by_policy(shortfall: Shortfall, debt: int, losses: int) -> None:
    case = Case(shortfall, dispute=new(13_000))
    case.see(report("needs_response", took(13_000), amount=13_000))
    case.see(report("lost", took(13_000), amount=13_000))

    assert (case.books.of(FROZEN), case.books.of(CONTESTED), case.books.of(WALLET)) == (0, 0, 0)
    assert (case.books.of(DEBT), case.books.of(LOSSES)) == (debt, losses)
    assert case.books.of(STRIPE) == -14_500


def test_won_in_part_takes_the_rest_from_the_wallet_first() -> None:
    case = Case()
    case.see(report("needs_response", took()))
    case.see(report("won", took(), gave(7_000)))

    assert case.books.of(WALLET) == 3_000
    assert case.books.of(offer_escrow(OFFERS[0], "usd")) == 5_000
    assert [(part.amount.amount_minor, part.state) for part in case.dispute.parts] == [
        (3_000, PartState.TAKEN),
        (3_000, PartState.THAWED),
        (4_000, PartState.THAWED),
    ]


def test_what_came_from_a_job_that_is_gone_thaws_into_the_wallet() -> None:
    case = Case()
    case.see(report("needs_response", took()))
    won = lifecycle.seen(case.dispute, report("won", took(), gave()))
    case.books.record(won.entries)
    case.books.record(lifecycle.settle(won.dispute, Shortfall.DEBT, frozenset()).entries)

    assert case.books.of(WALLET) == 10_000


def test_an_appeal_that_is_won_gives_back_to_whom_bore_it() -> None:
    case = Case(Shortfall.PLATFORM, dispute=new(13_000))
    case.see(report("lost", took(13_000), amount=13_000))
    case.see(report("appeal_under_review", took(13_000), amount=13_000))
    assert case.dispute.state.value == "lost"
    case.see(report("won", took(13_000), gave(13_000), amount=13_000))

    assert (case.books.of(WALLET), case.books.of(LOSSES)) == (11_000, 0)
    assert case.dispute.state.value == "won"


def test_each_outcome_is_told_once() -> None:
    opened = new()
    lost = replace(opened, state=DisputeState.LOST)

    [notice] = lifecycle.told(lost, opened, usd(5))
    assert (notice.type, "0.05 USD" in notice.body) == (NoticeType.DISPUTE_LOST, True)
    assert lifecycle.told(lost, lost, None) == ()
    [notice] = lifecycle.told(replace(opened, state=DisputeState.WON), opened, None)
    assert notice.type is NoticeType.DISPUTE_WON


STORY = [
    report("warning_needs_response"),
    report("needs_response"),
    report("needs_response", took()),
    report("under_review", took()),
    report("won", took()),
    report("won", took(), gave()),
    report("won", took(), gave(4_000)),
    report("lost", took()),
    report("lost", took(), gave(4_000)),
    report("lost"),
    report("prevented", took(fee=0)),
    report("warning_closed"),
]


@given(st.lists(st.sampled_from(STORY), max_size=8), st.sampled_from(Shortfall))
@settings(max_examples=300, deadline=None)
def test_whatever_stripe_says_in_whatever_order_each_movement_is_booked_once(
    reports: list[Report], shortfall: Shortfall
) -> None:
    case = Case(shortfall)
    for told in [one for one in reports for _ in range(2)]:
        case.see(told)

    moved = {one.id: one for told in reversed(reports) for one in told.movements}
    expected = sum(one.amount.amount_minor - one.fee.amount_minor for one in moved.values())
    assert case.books.of(STRIPE) == expected
    # Whoever held the money, nothing was made or lost.
    held = case.books.of(WALLET) + case.books.of(offer_escrow(OFFERS[0], "usd")) + case.books.of(FROZEN)
    borne = case.books.of(DEBT) + case.books.of(LOSSES) + case.books.of(CONTESTED)
    assert held - borne == 11_000 + sum(one.amount.amount_minor for one in moved.values())


@given(
    st.integers(1, 300),
    st.integers(0, 100),
    st.lists(st.integers(1, 100), max_size=4),
    st.lists(st.integers(1, 100), max_size=4),
)
def test_freezing_takes_the_wallet_then_open_offers_then_jobs_newest_first(
    amount: int, available: int, open_offers: list[int], accepted: list[int]
) -> None:
    sent = [Held(UUID(int=100 + i), usd(minor)) for i, minor in enumerate(open_offers)]
    jobs = [Held(UUID(int=200 + i), usd(minor)) for i, minor in enumerate(accepted)]

    found = plan(usd(amount), usd(available), sent, jobs)

    total = found.from_wallet.amount_minor + sum(held.amount.amount_minor for held in found.from_escrow)
    assert total + found.missing.amount_minor == amount
    assert found.missing.amount_minor == max(amount - available - sum(open_offers) - sum(accepted), 0)
    # Nothing later is touched while something earlier holds money.
    if found.withdraw:
        assert amount > available
        assert list(found.withdraw) == [held.offer_id for held in sent[: len(found.withdraw)]]
        assert available + sum(open_offers[: len(found.withdraw) - 1]) < amount
    if found.from_escrow:
        assert found.from_wallet == usd(available + sum(open_offers))
        whole = [held.amount for held in jobs[: len(found.from_escrow)]]
        assert [held.amount for held in found.from_escrow[:-1]] == whole[:-1]


@given(st.integers(1, 200), st.integers(1, 100), st.integers(0, 200))
def test_no_more_is_frozen_than_is_left_of_what_was_paid(asked: int, paid: int, returned: int) -> None:
    amount = wanted(usd(asked), usd(paid), usd(returned)).amount_minor

    assert 0 <= amount <= asked
    assert amount + min(returned, paid) <= paid
