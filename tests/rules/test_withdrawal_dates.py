"""When money is expected: from what Stripe says is pending, and over weekends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import BalanceTransaction
from jobsphere.withdrawals.expected import arrival, available_on
from jobsphere.withdrawals.waiting import arrives_at
from tests.rules.withdrawing import in_state

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday


def line(net: int, days: int | None) -> BalanceTransaction:
    amount, fee = Money(net + 30, "usd"), Money(30, "usd")
    until = None if days is None else NOON + timedelta(days=days)
    return BalanceTransaction(f"txn_{days}", amount, fee, "charge", None, until)


@pytest.mark.parametrize(
    ("missing", "days"),
    [(1, 2), (1000, 2), (1001, 3), (3000, 3), (3001, 7), (3500, 7), (3501, None)],
)
def test_the_date_is_that_of_the_money_with_which_there_is_enough(missing: int, days: int | None) -> None:
    pending = [line(500, 7), line(2000, 3), line(1000, 2), line(9000, None)]

    assert available_on(Money(missing, "usd"), pending) == (None if days is None else NOON + timedelta(days=days))


def test_what_is_to_leave_meanwhile_has_to_be_made_up_for() -> None:
    pending = [line(-500, 1), line(1000, 2), line(500, 4)]

    assert available_on(Money(600, "usd"), pending) == NOON + timedelta(days=4)


@pytest.mark.parametrize(("sent", "arrives"), [(0, 2), (2, 4), (3, 7), (4, 8), (5, 8), (6, 8)])
def test_money_is_at_the_bank_two_working_days_later(sent: int, arrives: int) -> None:
    assert arrival(NOON + timedelta(days=sent)) == NOON + timedelta(days=arrives)


@pytest.mark.parametrize(
    ("state", "waits_days", "told_days", "days"),
    [
        ("reserved", None, 2, 2),
        ("reserved", 2, 2, 4),  # it leaves when what it waits for is there
        ("reserved", None, -1, 2),  # the date is over, and nothing has left
        ("transferred", 4, 2, 8),
        ("held_for_review", 1, 2, 3),
        ("unresolved in paying_out", None, 2, 2),
        ("in_transit", None, 3, 3),
        ("paid", None, -3, -3),
        ("failed", None, 2, None),
        ("unresolved in reversing", None, 2, None),
        ("returned", None, 2, None),
        ("canceled", None, 2, None),
    ],
)
def test_a_withdrawal_is_at_the_bank_after_what_it_waits_for_or_never(
    state: str, waits_days: int | None, told_days: int, days: int | None
) -> None:
    waits = None if waits_days is None else NOON + timedelta(days=waits_days)
    told = NOON + timedelta(days=told_days)

    found = arrives_at(replace(in_state(state), waits_until=waits, estimated_arrival=told), NOON)

    assert found == (None if days is None else NOON + timedelta(days=days))
