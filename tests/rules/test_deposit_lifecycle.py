"""Deposits: every state times every report, written out, and laws for any order of reports."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.deposits import lifecycle
from jobsphere.deposits.declines import CANCELED, NOT_SENT
from jobsphere.deposits.lifecycle import Deposit, DepositState, Step, UnexpectedAmount
from jobsphere.ledger.accounts import stripe_balance, wallet_available
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import NoticeType

AMOUNT = Money(20_000, "usd")
INTENT = "pi_1"
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
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)

Report = Callable[[Deposit], Step]
REPORTS: dict[str, Report] = {
    "intent_created": lambda deposit: lifecycle.intent_created(deposit, INTENT),
    "requires_action": lambda deposit: lifecycle.requires_action(deposit, INTENT),
    "processing": lambda deposit: lifecycle.processing(deposit, INTENT),
    "succeeded": lambda deposit: lifecycle.succeeded(deposit, INTENT, AMOUNT, "ch_1"),
    "declined": lambda deposit: lifecycle.declined(deposit, INTENT, "insufficient_funds"),
    "canceled": lambda deposit: lifecycle.canceled(deposit, NOT_SENT),
}
CREDIT = Entry(
    f"deposit:{DEPOSIT.id}:settle",
    (Posting(debit=stripe_balance("usd"), credit=wallet_available(DEPOSIT.wallet_id, "usd"), amount=AMOUNT),),
)

# Each row: the state, then what each report makes of it; a dot where nothing changes at all.
TABLE = """
                 intent_created  requires_action  processing  succeeded  declined  canceled
created          confirming      requires_action  processing  succeeded  declined  canceled
confirming       .               requires_action  processing  succeeded  declined  canceled
requires_action  .               .                processing  succeeded  declined  canceled
processing       .               .                .           succeeded  declined  canceled
declined         .               requires_action  processing  succeeded  .         canceled
succeeded        .               .                .           .          .         .
canceled         .               .                .           succeeded  .         .
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(state, report, after) for state, *cells in ROWS for report, after in zip(HEAD, cells, strict=True)]
# What is stored beside the state, by the state a report leads to.
EFFECTS = {
    "confirming": (None, None, []),
    "requires_action": (None, None, []),
    "processing": (None, None, []),
    "succeeded": (CREDIT, None, [(NoticeType.PAYMENT_RECEIVED, "succeeded")]),
    "declined": (None, "insufficient_funds", [(NoticeType.PAYMENT_FAILED, "declined")]),
    "canceled": (None, NOT_SENT.code, [(NoticeType.PAYMENT_FAILED, "canceled")]),
}


def in_state(state: str) -> Deposit:
    declined = "card_declined" if state == "declined" else None
    intent = None if state == "created" else INTENT
    return replace(DEPOSIT, state=DepositState(state), payment_intent_id=intent, failure_code=declined)


def test_the_table_has_every_state_and_every_report() -> None:
    assert [state for state, *_ in ROWS] == [state.value for state in DepositState]
    assert list(REPORTS) == HEAD


@pytest.mark.parametrize(("state", "report", "after"), CELLS)
def test_every_state_and_every_report(state: str, report: str, after: str) -> None:
    before = in_state(state)

    step = REPORTS[report](before)

    if after == ".":
        assert step == Step(before)
        return
    entry, failure_code, notices = EFFECTS[after]
    assert step.deposit.state == after
    assert step.entry == entry
    assert (step.decline.code if step.decline else None) == failure_code
    assert step.deposit.failure_code == failure_code
    assert [(notice.type, notice.reference) for notice in step.notices] == [
        (type_, f"deposit:{DEPOSIT.id}:{fact}") for type_, fact in notices
    ]
    assert {notice.user_id for notice in step.notices} <= {DEPOSIT.user_id}


@pytest.mark.parametrize(("state", "report", "after"), [cell for cell in CELLS if cell[2] != "."])
def test_a_step_keeps_whose_deposit_it_is_and_learns_its_payment_intent(
    state: str, report: str, after: str
) -> None:
    step = REPORTS[report](in_state(state))

    fixed = ("id", "user_id", "wallet_id", "amount", "payment_method_id", "created_at")
    assert {getattr(step.deposit, name) == getattr(DEPOSIT, name) for name in fixed} == {True}
    knows_none = state == "created" and after == "canceled"
    assert step.deposit.payment_intent_id == (None if knows_none else INTENT)
    assert step.deposit.charge_id == ("ch_1" if after == "succeeded" else None)


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


@given(st.lists(st.sampled_from(sorted(REPORTS)), max_size=12))
def test_in_any_order_it_is_credited_once_if_a_success_was_reported_and_else_never(reports: list[str]) -> None:
    deposit, entries = DEPOSIT, []
    for report in reports:
        step = REPORTS[report](deposit)
        # Only becoming a success moves money, and whatever is stored changes the deposit too.
        assert (step.entry is not None) == (
            step.deposit.state is DepositState.SUCCEEDED and deposit.state is not DepositState.SUCCEEDED
        )
        assert step.deposit != deposit or step == Step(deposit)
        deposit = step.deposit
        entries += [step.entry] if step.entry else []

    assert entries == ([CREDIT] if "succeeded" in reports else [])
    assert (deposit.state is DepositState.SUCCEEDED) == ("succeeded" in reports)


@given(st.lists(st.sampled_from(sorted(REPORTS)), max_size=8), st.sampled_from(sorted(REPORTS)))
def test_the_same_report_twice_in_a_row_changes_nothing_the_second_time(reports: list[str], repeated: str) -> None:
    deposit = DEPOSIT
    for report in reports:
        deposit = REPORTS[report](deposit).deposit

    once = REPORTS[repeated](deposit).deposit

    assert REPORTS[repeated](once) == Step(once)


@given(st.lists(st.sampled_from(sorted(REPORTS)), max_size=12))
def test_a_fact_is_told_once_under_its_own_name_and_a_failure_says_that_no_money_was_taken(
    reports: list[str],
) -> None:
    deposit = DEPOSIT
    for report in reports:
        step = REPORTS[report](deposit)
        deposit = step.deposit
        for notice in step.notices:
            assert notice.data == {"depositId": str(DEPOSIT.id), "transactionId": str(DEPOSIT.id)}
            assert ("No money was taken." in notice.body) == (notice.type is NoticeType.PAYMENT_FAILED)
            assert ("200.00 USD" in notice.body) == (notice.type is NoticeType.PAYMENT_RECEIVED)


def test_a_deposit_canceled_at_stripe_says_so() -> None:
    assert lifecycle.canceled(in_state("processing"), CANCELED).decline == CANCELED
