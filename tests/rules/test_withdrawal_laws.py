"""Withdrawals: laws that hold for answers and events in any order, any number of times."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.ledger.accounts import Account
from jobsphere.withdrawals import lifecycle
from jobsphere.withdrawals.reasons import CANCELED_BY_CONTRACTOR
from jobsphere.withdrawals.waiting import waiting
from jobsphere.withdrawals.withdrawal import IN_FLIGHT, Step, Withdrawal, WithdrawalState
from tests.rules.withdrawing import (
    AMOUNT,
    CONNECTED,
    FOREIGN,
    IN_TRANSIT,
    PAYING_OUT,
    RULES,
    STRIPE,
    WALLET,
    WITHDRAWAL,
    Books,
)

EVERYTHING = RULES | FOREIGN
# Half of the time the next thing that can happen happens, so that runs reach the end.
RUNS = st.lists(st.one_of(st.sampled_from(sorted(EVERYTHING)), st.just("next")), max_size=25)
NEXT = {
    "requested": "reserve",
    "held_for_review": "approve",
    "canceled": "transfer_made",
    "reserved": "begin_transfer",
    "transferring": "transfer_made",
    "transferred": "begin_payout",
    "paying_out": "payout_created",
    "in_transit": "payout_paid",
    "paid": "payout_failed",
    "failed": "begin_reversal",
    "reversing": "transfer_reversed",
    "returned": "payout_paid",
}
FULL = AMOUNT.amount_minor
# Where the money is in each state. Of Stripe's balance, how much it changed since the reservation.
WHERE: dict[str, dict[Account, int]] = {
    "requested": {WALLET: FULL},
    "held_for_review": {IN_TRANSIT: FULL},
    "canceled": {WALLET: FULL},
    "reserved": {IN_TRANSIT: FULL},
    "transferring": {IN_TRANSIT: FULL},
    "transferred": {IN_TRANSIT: FULL, STRIPE: -FULL, CONNECTED: FULL},
    "paying_out": {IN_TRANSIT: FULL, STRIPE: -FULL, CONNECTED: FULL},
    "in_transit": {IN_TRANSIT: FULL, STRIPE: -FULL, PAYING_OUT: FULL},
    "paid": {STRIPE: -FULL},
    "failed": {IN_TRANSIT: FULL, STRIPE: -FULL, CONNECTED: FULL},
    "reversing": {IN_TRANSIT: FULL, STRIPE: -FULL, CONNECTED: FULL},
    "returned": {WALLET: FULL},
}


ENDED = (WithdrawalState.RETURNED, WithdrawalState.CANCELED)


def begun() -> tuple[Withdrawal, Books]:
    books = Books()
    step = lifecycle.reserve(WITHDRAWAL)
    books.record(step.entries)
    return step.withdrawal, books


def taken(withdrawal: Withdrawal, name: str) -> Step:
    return EVERYTHING[NEXT[withdrawal.doing] if name == "next" else name](withdrawal)


@given(RUNS)
def test_after_every_report_the_money_is_exactly_where_the_state_says(run: list[str]) -> None:
    withdrawal, books = WITHDRAWAL, Books()

    for name in run:
        step = taken(withdrawal, name)
        books.record(step.entries)
        withdrawal = step.withdrawal
        found = {account: minor for account, minor in books.balances.items() if minor}
        assert found == WHERE[withdrawal.doing]


@given(RUNS)
def test_a_report_either_changes_the_withdrawal_or_stores_nothing(run: list[str]) -> None:
    withdrawal = WITHDRAWAL

    for name in run:
        step = taken(withdrawal, name)
        assert step.withdrawal != withdrawal or step == Step(withdrawal)
        withdrawal = step.withdrawal


@given(RUNS)
def test_the_wallet_gets_the_money_back_at_most_once_and_then_nothing_moves_any_more(run: list[str]) -> None:
    withdrawal, books = WITHDRAWAL, Books()
    times_back = 0

    for name in run:
        step = taken(withdrawal, name)
        if withdrawal.state in ENDED:
            assert step == Step(withdrawal)
        times_back += sum(p.credit == WALLET for entry in step.entries for p in entry.postings)
        books.record(step.entries)
        withdrawal = step.withdrawal

    assert times_back == (1 if withdrawal.state in ENDED else 0)


@given(RUNS)
def test_it_can_be_canceled_exactly_while_nothing_is_or_was_in_flight_at_stripe(run: list[str]) -> None:
    withdrawal = lifecycle.reserve(WITHDRAWAL).withdrawal
    in_flight: str | None = None

    for name in run:
        step = taken(withdrawal, name)
        in_flight = step.begins or (in_flight if step.withdrawal.doing in IN_FLIGHT else None)
        withdrawal = step.withdrawal
        canceled = lifecycle.cancel(withdrawal, CANCELED_BY_CONTRACTOR)
        if canceled.withdrawal.state is WithdrawalState.CANCELED and withdrawal.state not in ENDED:
            assert (in_flight, withdrawal.transfer_id) == (None, None)


@given(RUNS)
def test_in_every_state_that_is_not_the_end_it_says_what_it_waits_for_and_until_when(run: list[str]) -> None:
    withdrawal, now = WITHDRAWAL, WITHDRAWAL.created_at + timedelta(days=30)

    for name in run:
        withdrawal = taken(withdrawal, name).withdrawal
        wait = waiting(withdrawal, now)
        assert (wait is None) == (withdrawal.state in (*ENDED, WithdrawalState.PAID))
        if wait is not None:
            assert wait.until > now
            assert wait.reason.code
            assert wait.reason.sentence.endswith(".")
            assert wait.reason.next_step.endswith(".")


def test_a_withdrawal_whose_answer_is_lost_goes_on_as_if_it_had_come() -> None:
    straight, books = run(*SENT, "payout_created")
    lost, found = run(
        "begin_transfer", "answer_lost", "transfer_made", "begin_payout", "answer_lost", "payout_created"
    )

    assert (lost, found) == (straight, books)


@given(RUNS)
def test_a_key_changes_only_with_a_refusal_and_is_begun_before_every_call(run: list[str]) -> None:
    withdrawal, _ = begun()
    refusals = {"transfer": 0, "payout": 0, "reversal": 0}
    sending = {"transferring": "transfer", "paying_out": "payout", "reversing": "reversal"}

    for name in run:
        step = taken(withdrawal, name)
        refused = name.removesuffix("_must_wait").removesuffix("_impossible")
        if refused != name and step.withdrawal != withdrawal:
            refusals[refused] += 1
        for call, times in refusals.items():
            assert getattr(step.withdrawal, f"{call}_key") == f"withdrawal:{WITHDRAWAL.id}:{call}:{times + 1}"
        enters = step.withdrawal.state != withdrawal.state and step.withdrawal.state in sending
        # Without the account the next reversal is begun with the refusal of the one before.
        begins_again = name == "reversal_impossible" and step.withdrawal != withdrawal
        doing = step.withdrawal.doing
        expected = getattr(step.withdrawal, f"{sending[doing]}_key") if enters or begins_again else None
        assert step.begins == expected
        withdrawal = step.withdrawal


def run(*names: str) -> tuple[Withdrawal, Books]:
    withdrawal, books = begun()
    for name in names:
        step = EVERYTHING[name](withdrawal)
        books.record(step.entries)
        withdrawal = step.withdrawal
    return withdrawal, books


SENT = ("begin_transfer", "transfer_made", "begin_payout")


@pytest.mark.parametrize(
    "end",
    [
        ("payout_created", "payout_paid", "payout_failed"),
        ("payout_paid", "payout_created", "payout_failed"),  # the event overtakes the answer
        ("payout_paid", "payout_failed", "payout_created", "payout_paid", "payout_failed"),
        ("payout_failed", "payout_created", "payout_paid"),  # the failure overtakes everything
    ],
)
def test_a_payout_that_fails_in_whatever_order_it_is_told_goes_back_to_the_wallet(end: tuple[str, ...]) -> None:
    failed, books = run(*SENT, *end)
    assert (failed.state, books.of(WALLET)) == (WithdrawalState.FAILED, 0)

    returned, books = run(*SENT, *end, "begin_reversal", "transfer_reversed", *end, "transfer_reversed")

    assert (returned.state, books.of(WALLET), books.of(IN_TRANSIT)) == (WithdrawalState.RETURNED, FULL, 0)


def test_a_payouts_event_that_overtakes_the_answer_is_booked_as_both() -> None:
    in_order, ordered = run(*SENT, "payout_created", "payout_paid")
    overtaken, books = run(*SENT, "payout_paid", "payout_created")

    assert overtaken == in_order
    assert books == ordered


def test_a_transfers_event_that_overtakes_the_answer_is_booked_once() -> None:
    withdrawal, books = run("transfer_made", "begin_transfer", "transfer_made")

    assert withdrawal.state is WithdrawalState.TRANSFERRED
    assert books.of(CONNECTED) == FULL


def test_after_a_wait_the_second_payout_counts_and_the_first_never_existed() -> None:
    withdrawal, books = run(*SENT, "payout_must_wait", "begin_payout", "other_payout_paid", "payout_paid")

    assert withdrawal.state is WithdrawalState.PAID
    assert withdrawal.payout_id == "po_2"
    assert books.of(PAYING_OUT) == 0


def test_a_reversal_that_had_to_wait_is_made_with_a_new_key_and_booked_once() -> None:
    withdrawal, books = run(
        *SENT, "payout_refused", "begin_reversal", "reversal_must_wait", "begin_reversal", "transfer_reversed"
    )

    assert withdrawal == replace(withdrawal, state=WithdrawalState.RETURNED, reversal_attempt=2)
    assert books.of(WALLET) == FULL
