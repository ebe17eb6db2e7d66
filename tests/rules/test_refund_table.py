"""Refunds: every state times every deed and report, written out with what is posted and told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.ledger.accounts import Account, refund_in_transit, stripe_balance, wallet_debt
from jobsphere.money import Money
from jobsphere.notifications.notice import NoticeType
from jobsphere.refunds import lifecycle
from jobsphere.refunds.lifecycle import RETURNED, RefundState
from jobsphere.refunds.quote import NotNow, Payment, quote
from tests.rules.refunding import AMOUNT, IN_TRANSIT, REFUND, RULES, STRIPE, WALLET, in_state, report
from tests.rules.withdrawing import Books

# Where it is, and whether Stripe has taken it out of the platform's balance.
PLACES = [
    ("requested", False),
    ("sending", False),
    ("pending", False),
    ("pending", True),
    ("succeeded", True),
    ("failed", False),
    ("failed", True),
    ("canceled", False),
    ("canceled", True),
]
MADE, FAILED_AFTER, FAILED_BEFORE, RELEASED = (
    ("made:re_1", IN_TRANSIT, STRIPE),
    ("failed:re_1", STRIPE, WALLET),
    ("failed:re_1", IN_TRANSIT, WALLET),
    ("release", IN_TRANSIT, WALLET),
)
Cell = tuple[str, bool, tuple[str, Account, Account] | None]
# For each rule: where it leads from the places in which it counts, and what is posted. Else nothing changes.
AFTER: dict[str, dict[tuple[str, bool], Cell]] = {
    "begin_sending": {("requested", False): ("sending", False, None)},
    "try_again": {("sending", False): ("requested", False, None)},
    "refused": {("sending", False): ("canceled", False, RELEASED)},
    "waits_for_money": dict.fromkeys(PLACES[:2], ("pending", False, None)),
    "pending": dict.fromkeys(PLACES[:3], ("pending", True, MADE)),
    "requires_action": dict.fromkeys(PLACES[:3], ("pending", True, MADE)),
    "succeeded": {
        **dict.fromkeys(PLACES[:3], ("succeeded", True, MADE)),
        ("pending", True): ("succeeded", True, None),
    },
    "failed": {
        **dict.fromkeys(PLACES[:3], ("failed", False, FAILED_BEFORE)),
        **dict.fromkeys(PLACES[3:5], ("failed", True, FAILED_AFTER)),
    },
    "canceled": {
        **dict.fromkeys(PLACES[:3], ("canceled", False, FAILED_BEFORE)),
        **dict.fromkeys(PLACES[3:5], ("canceled", True, FAILED_AFTER)),
    },
}


def test_the_table_has_every_rule_and_every_state() -> None:
    assert set(AFTER) == set(RULES)
    assert {state for state, _ in PLACES} == {state.value for state in RefundState}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("place", PLACES)
def test_every_rule_in_every_state(rule: str, place: tuple[str, bool]) -> None:
    before = in_state(place[0], is_taken=place[1])

    step = RULES[rule](before)

    if place not in AFTER[rule]:
        assert (step.refund.state, step.refund.is_taken) == (before.state, before.is_taken)
        assert (step.entries, step.begins, step.failure, step.debt, step.notices) == ((), None, None, None, ())
        return
    state, is_taken, posted = AFTER[rule][place]
    assert (step.refund.state.value, step.refund.is_taken) == (state, is_taken)
    found = [
        (entry.reference.removeprefix(f"refund:{REFUND.id}:"), posting.debit, posting.credit)
        for entry in step.entries
        for posting in entry.postings
    ]
    assert found == ([posted] if posted else [])
    assert all(posting.amount == AMOUNT for entry in step.entries for posting in entry.postings)
    assert (step.failure is not None) is (step.refund.state in RETURNED)
    told = [notice.type for notice in step.notices]
    if step.refund.state in RETURNED:
        assert told == [NoticeType.REFUND_FAILED]
    elif state in ("pending", "succeeded") and place[0] in ("requested", "sending"):
        assert told == [NoticeType.PAYMENT_REFUNDED]
    else:
        assert told == []


def test_only_an_attempt_that_begins_may_call_and_each_has_its_own_key() -> None:
    sending = lifecycle.begin_sending(REFUND)
    again = lifecycle.begin_sending(lifecycle.try_again(sending.refund).refund)

    assert sending.begins == f"refund:{REFUND.id}:1"
    assert again.begins == f"refund:{REFUND.id}:2"


@given(st.lists(st.sampled_from(sorted(set(RULES) - {"try_again"})), max_size=12))
def test_reports_in_any_order_and_number_leave_the_money_in_one_place(reports: list[str]) -> None:
    books = Books({WALLET: AMOUNT.amount_minor})
    refund = REFUND
    books.record(lifecycle.request(refund).entries)

    for name in reports:
        step = RULES[name](refund)
        books.record(step.entries)
        refund = step.refund

    in_wallet = AMOUNT.amount_minor if refund.state in RETURNED else 0
    left = AMOUNT.amount_minor if refund.is_taken and not in_wallet else 0
    assert books.of(WALLET) == in_wallet
    assert -books.of(STRIPE) == left
    assert books.of(IN_TRANSIT) == AMOUNT.amount_minor - in_wallet - left


@given(st.permutations(["waits_for_money", "pending", "succeeded", "failed"]), st.integers(0, 9_000))
def test_one_made_at_stripe_is_booked_once_whatever_is_heard_first(order: list[str], held: int) -> None:
    reports = {
        "waits_for_money": report("pending", is_taken=False),
        "pending": report("pending"),
        "succeeded": report("succeeded"),
        "failed": report("failed"),
    }
    debt = wallet_debt(REFUND.wallet_id, "usd")
    books = Books({WALLET: held})
    first = lifecycle.found(in_state("pending", is_taken=False), reports[order[0]], Money(held, "usd"))
    books.record(first.entries)
    refund = first.refund

    for name in order[1:]:
        step = lifecycle.reported(refund, reports[name])
        books.record(step.entries)
        refund = step.refund

    # In the end it failed: what was taken is back, and pays what was owed.
    assert refund.state is RefundState.FAILED
    assert books.of(WALLET) - books.of(debt) == held
    assert (books.of(stripe_balance("usd")), books.of(refund_in_transit(REFUND.id, "usd"))) == (0, 0)


@given(st.integers(0, 9_000), st.booleans())
def test_what_the_wallet_does_not_hold_is_owed(held: int, is_taken: bool) -> None:
    step = lifecycle.found(in_state("pending", is_taken=False), report("pending", is_taken=is_taken), usd(held))

    owed = max(AMOUNT.amount_minor - held, 0)
    assert (step.debt or usd(0)) == usd(owed)
    assert sum(posting.amount.amount_minor for posting in step.entries[0].postings) == AMOUNT.amount_minor
    goes_to = STRIPE if is_taken else IN_TRANSIT
    assert {posting.credit for posting in step.entries[0].postings} == {goes_to}


def usd(minor: int) -> Money:
    return Money(minor, "usd")


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_quote_is_more_than_the_wallet_holds_or_than_is_left(
    paid: int, refunded: int, contested: int, held: int
) -> None:
    payment = Payment(usd(paid), usd(refunded), usd(contested), is_paid=True, is_disputed=False)

    said = quote(payment, usd(held))

    assert said.refundable == usd(max(min(held, paid - refunded - contested), 0))
    assert (said.not_now is None) is bool(said.refundable)


@pytest.mark.parametrize(
    ("is_paid", "is_disputed", "refunded", "held", "reason"),
    [
        (False, False, 0, 100, NotNow.NOT_PAID),
        (True, True, 0, 100, NotNow.DISPUTED),
        (True, False, 100, 100, NotNow.NOTHING_LEFT),
        (True, False, 50, 0, NotNow.SPENT),
        (True, False, 50, 100, None),
    ],
)
def test_a_quote_of_nothing_says_why(
    is_paid: bool, is_disputed: bool, refunded: int, held: int, reason: NotNow | None
) -> None:
    payment = Payment(usd(100), usd(refunded), usd(0), is_paid=is_paid, is_disputed=is_disputed)

    said = quote(payment, usd(held))

    assert (said.not_now, bool(said.refundable)) == (reason, reason is None)


def test_a_card_is_given_whole_steps_of_its_currency() -> None:
    nothing = Money.zero("isk")
    payment = Payment(Money(10_000, "isk"), nothing, nothing, is_paid=True, is_disputed=False)

    assert quote(payment, Money(5_055, "isk")).refundable == Money(5_000, "isk")
