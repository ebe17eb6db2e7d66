"""When money is expected: from what Stripe says is pending, and over weekends."""

from datetime import UTC, datetime, timedelta

import pytest

from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import BalanceTransaction
from jobsphere.withdrawals.expected import arrival, available_on

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
