"""Deposits: every state times every step, written out, and laws for any order of reports."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.deposits import lifecycle
from jobsphere.deposits.attempt import Attempt, AttemptState
from jobsphere.deposits.declines import CANCELED, EXPIRED, NOT_SENT
from jobsphere.deposits.lifecycle import Deposit, DepositState, NoOtherCardPossible, Step, UnexpectedAmount
from jobsphere.ledger.accounts import stripe_balance, wallet_available
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import NoticeType
from jobsphere.stripe_gateway.objects import Card, Failure

AMOUNT = Money(20_000, "usd")
INTENT = "pi_1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DEPOSIT = Deposit(
    id=UUID(int=1),
    user_id=UUID(int=2),
    wallet_id=UUID(int=3),
    amount=AMOUNT,
    state=DepositState.CREATED,
    payment_method_id="pm_card_visa",
    payment_intent_id=None,
    charge_id=None,
    failure_code=None,
    tries=3,
    created_at=NOW,
    attempted_at=NOW,
)
FAILURE = Failure("insufficient_funds", "ch_0", "pm_0", Card("fp", "visa", "9995"))

StepOf = Callable[[Deposit], Step]
STEPS: dict[str, StepOf] = {
    "intent_created": lambda deposit: lifecycle.intent_created(deposit, INTENT),
    "requires_action": lambda deposit: lifecycle.requires_action(deposit, INTENT),
    "processing": lambda deposit: lifecycle.processing(deposit, INTENT),
    "succeeded": lambda deposit: lifecycle.succeeded(deposit, INTENT, AMOUNT, "ch_1"),
    "declined": lambda deposit: lifecycle.declined(deposit, INTENT, FAILURE),
    "another_card": lambda deposit: lifecycle.another_card(deposit, "pm_2", now=LATER),
    "canceled": lambda deposit: lifecycle.canceled(deposit, NOT_SENT),
    "expired": lifecycle.expired,
}
CREDIT = Entry(
    f"deposit:{DEPOSIT.id}:settle",
    (Posting(debit=stripe_balance("usd"), credit=wallet_available(DEPOSIT.wallet_id, "usd"), amount=AMOUNT),),
)

# Each row: the state, then what each step makes of it; a dot where nothing changes, an x where it is refused.
TABLE = """
                 intent_created  requires_action  processing  succeeded  declined  another_card  canceled  expired
created          confirming      requires_action  processing  succeeded  declined  x             canceled  .
confirming       .               requires_action  processing  succeeded  declined  x             canceled  .
requires_action  .               .                processing  succeeded  declined  confirming    canceled  expired
processing       .               .                .           succeeded  declined  x             canceled  .
declined         .               requires_action  processing  succeeded  declined  confirming    canceled  expired
succeeded        .               .                .           .          .         x             .         .
canceled         .               .                .           succeeded  .         x             .         .
expired          .               .                .           succeeded  .         x             .         .
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(state, step, after) for state, *cells in ROWS for step, after in zip(HEAD, cells, strict=True)]
# What is stored beside the state, by the state a step leads to.
EFFECTS = {
    "confirming": (None, None, []),
    "requires_action": (None, None, []),
    "processing": (None, None, []),
    "succeeded": (CREDIT, None, [(NoticeType.PAYMENT_RECEIVED, "succeeded")]),
    "declined": (None, "insufficient_funds", [(NoticeType.PAYMENT_FAILED, "declined:{number}")]),
    "canceled": (None, NOT_SENT.code, [(NoticeType.PAYMENT_FAILED, "canceled")]),
    "expired": (None, EXPIRED.code, [(NoticeType.PAYMENT_FAILED, "expired")]),
}


def in_state(state: str) -> Deposit:
    """One attempt in; in ``declined`` it was another card's, whose charge is known."""
    intent = None if state == "created" else INTENT
    deposit = replace(DEPOSIT, state=DepositState(state), payment_intent_id=intent)
    if state != "declined":
        return deposit
    return replace(deposit, failure_code="card_declined", attempts_ended=1, failed_with="ch_before")


def test_the_table_has_every_state_and_every_step() -> None:
    assert [state for state, *_ in ROWS] == [state.value for state in DepositState]
    assert list(STEPS) == HEAD


@pytest.mark.parametrize(("state", "name", "after"), CELLS)
def test_every_state_and_every_step(state: str, name: str, after: str) -> None:
    before = in_state(state)
    if after == "x":
        with pytest.raises(NoOtherCardPossible):
            STEPS[name](before)
        return

    step = STEPS[name](before)

    if after == ".":
        assert step == Step(before)
        return
    entry, failure_code, notices = EFFECTS[after]
    assert step.deposit.state == after
    assert step.entry == entry
    assert (step.decline.code if step.decline else None) == failure_code
    assert step.deposit.failure_code == failure_code
    assert [(notice.type, notice.reference) for notice in step.notices] == [
        (type_, f"deposit:{DEPOSIT.id}:{fact.format(number=before.attempt_number)}") for type_, fact in notices
    ]
    assert {notice.user_id for notice in step.notices} <= {DEPOSIT.user_id}


@pytest.mark.parametrize(("state", "name", "after"), [cell for cell in CELLS if cell[2] not in ".x"])
def test_a_step_keeps_whose_deposit_it_is_and_learns_its_payment_intent(state: str, name: str, after: str) -> None:
    step = STEPS[name](in_state(state))

    fixed = ("id", "user_id", "wallet_id", "amount", "created_at")
    assert {getattr(step.deposit, name) == getattr(DEPOSIT, name) for name in fixed} == {True}
    knows_none = state == "created" and after == "canceled"
    assert step.deposit.payment_intent_id == (None if knows_none else INTENT)
    assert step.deposit.charge_id == ("ch_1" if after == "succeeded" else None)


# Which attempts each step begins or ends: from a state in which an attempt is open, and after a decline.
ATTEMPTS = {
    "succeeded": ([(1, "succeeded")], [(2, "succeeded")]),
    "declined": ([(1, "declined")], [(2, "declined")]),
    "another_card": ([(1, "abandoned"), (2, "open")], [(2, "open")]),
    "canceled": ([(1, "abandoned")], []),
    "expired": ([(1, "abandoned")], []),
    "processing": ([], [(2, "open")]),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_failed_attempt_is_kept_and_the_next_has_the_next_number(name: str) -> None:
    found = [STEPS[name](in_state(state)).attempts for state in ("requires_action", "declined")]

    assert [[(one.number, one.state.value) for one in attempts] for attempts in found] == list(ATTEMPTS[name])


def test_a_declined_attempt_keeps_which_card_it_was_and_our_own_code() -> None:
    (attempt,) = lifecycle.declined(in_state("confirming"), INTENT, FAILURE).attempts

    assert attempt == Attempt(1, AttemptState.DECLINED, "pm_0", FAILURE.card, "ch_0", "insufficient_funds")


def test_another_card_begins_anew_with_no_failed_tries() -> None:
    again = STEPS["another_card"](replace(in_state("declined"), tries=7)).deposit

    assert (again.payment_method_id, again.tries, again.attempted_at, again.failure_code) == (
        "pm_2",
        0,
        LATER,
        None,
    )
    assert again.attempt_number == 2


def test_the_failure_of_the_last_card_does_not_end_the_attempt_with_the_next() -> None:
    failed = lifecycle.declined(in_state("confirming"), INTENT, FAILURE).deposit
    again = STEPS["another_card"](failed).deposit

    for state in (DepositState.CONFIRMING, DepositState.REQUIRES_ACTION, DepositState.PROCESSING):
        open_ = replace(again, state=state)
        assert lifecycle.declined(open_, INTENT, FAILURE) == Step(open_)


def test_the_same_card_may_fail_3d_secure_twice_but_not_before_it_is_confirmed_again() -> None:
    not_confirmed = Failure("payment_intent_authentication_failure", None, "pm_2")
    failed = lifecycle.declined(in_state("requires_action"), INTENT, not_confirmed).deposit
    again = STEPS["another_card"](failed).deposit

    assert lifecycle.declined(failed, INTENT, not_confirmed) == Step(failed)
    assert lifecycle.declined(again, INTENT, not_confirmed) == Step(again)
    asked = lifecycle.requires_action(again, INTENT).deposit
    assert lifecycle.declined(asked, INTENT, not_confirmed).deposit.attempts_ended == 2


def test_money_that_comes_late_belongs_to_the_attempt_that_was_given_up() -> None:
    given_up = lifecycle.canceled(in_state("confirming"), NOT_SENT)
    late = STEPS["succeeded"](given_up.deposit)

    assert [one.number for one in (*given_up.attempts, *late.attempts)] == [1, 1]


def test_the_next_call_to_stripe_starts_with_no_failed_tries() -> None:
    assert lifecycle.intent_created(DEPOSIT, INTENT).deposit.tries == 0


@pytest.mark.parametrize(
    "received", [Money(19_999, "usd"), Money(20_001, "usd"), Money(0, "usd"), Money(20_000, "eur")]
)
@pytest.mark.parametrize("state", [state for state in DepositState if state is not DepositState.SUCCEEDED])
def test_another_amount_or_currency_than_was_asked_for_is_never_credited(
    state: DepositState, received: Money
) -> None:
    with pytest.raises(UnexpectedAmount):
        lifecycle.succeeded(in_state(state), INTENT, received, "ch_1")


# What Stripe may tell in any order; another card is what the owner does.
REPORTS = sorted(set(STEPS) - {"another_card"})


@given(st.lists(st.sampled_from(REPORTS), max_size=12))
def test_in_any_order_it_is_credited_once_if_a_success_was_reported_and_else_never(reports: list[str]) -> None:
    deposit, entries = DEPOSIT, []
    for report in reports:
        step = STEPS[report](deposit)
        # Only becoming a success moves money, and whatever is stored changes the deposit too.
        assert (step.entry is not None) == (
            step.deposit.state is DepositState.SUCCEEDED and deposit.state is not DepositState.SUCCEEDED
        )
        assert step.deposit != deposit or step == Step(deposit)
        deposit = step.deposit
        entries += [step.entry] if step.entry else []

    assert entries == ([CREDIT] if "succeeded" in reports else [])
    assert (deposit.state is DepositState.SUCCEEDED) == ("succeeded" in reports)


@given(st.lists(st.sampled_from(REPORTS), max_size=8), st.sampled_from(REPORTS))
def test_the_same_report_twice_in_a_row_changes_nothing_the_second_time(reports: list[str], repeated: str) -> None:
    deposit = DEPOSIT
    for report in reports:
        deposit = STEPS[report](deposit).deposit

    once = STEPS[repeated](deposit).deposit

    assert STEPS[repeated](once) == Step(once)


@given(st.lists(st.sampled_from(REPORTS), max_size=12))
def test_a_fact_is_told_once_under_its_own_name_and_a_failure_says_that_no_money_was_taken(
    reports: list[str],
) -> None:
    deposit = DEPOSIT
    for report in reports:
        step = STEPS[report](deposit)
        deposit = step.deposit
        for notice in step.notices:
            assert notice.data == {"depositId": str(DEPOSIT.id), "transactionId": str(DEPOSIT.id)}
            assert ("No money was taken." in notice.body) == (notice.type is NoticeType.PAYMENT_FAILED)
            assert ("200.00 USD" in notice.body) == (notice.type is NoticeType.PAYMENT_RECEIVED)


def test_a_deposit_canceled_at_stripe_says_so() -> None:
    assert lifecycle.canceled(in_state("processing"), CANCELED).decline == CANCELED
