"""How much and how often may be withdrawn, and what is held for review: each limit at its edge."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.withdrawals.bank_minimums import BelowBankMinimum, require_sendable
from jobsphere.withdrawals.configured import policy_of
from jobsphere.withdrawals.policy import DAY, BankAccountTooNew, DailyLimitReached, Earlier, Policy, Review
from tests.journeys.conftest import settings_for_tests

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LIMITS = Limits(Money(1000, "usd"), Money(1_000_000, "usd"))
HOUR = timedelta(hours=1)


def usd(minor: int) -> Money:
    return Money(minor, "usd")


def policy(count: int | None = 3, minor: int | None = 10_000) -> Policy:
    return Policy(LIMITS, per_day_max=count, per_day_amount_max=None if minor is None else usd(minor))


def earlier(*amounts: int) -> list[Earlier]:
    """The last an hour ago, each other one an hour before the next."""
    return [Earlier(usd(minor), NOON - HOUR * (len(amounts) - n)) for n, minor in enumerate(amounts)]


def test_a_day_holds_so_many_and_so_much_and_not_one_more() -> None:
    policy().require_within_day(usd(4000), earlier(3000, 3000), NOON)
    for amount, before in ((4001, (3000, 3000)), (1, (1, 1, 1))):
        with pytest.raises(DailyLimitReached):
            policy().require_within_day(usd(amount), earlier(*before), NOON)


def test_without_limits_of_the_day_everything_fits() -> None:
    policy(None, None).require_within_day(usd(10**9), earlier(*[10**9] * 50), NOON)


def test_who_is_refused_is_told_when_it_is_possible() -> None:
    with pytest.raises(DailyLimitReached) as refusal:
        policy().require_within_day(usd(5000), earlier(2000, 4000, 3000), NOON)
    # When the first two are a day old, 7,000 of the day are left; after the first alone only 3,000.
    assert refusal.value.possible_at == NOON - 2 * HOUR + DAY
    assert "2026-01-03 10:00 UTC" in refusal.value.advice
    with pytest.raises(DailyLimitReached) as never:
        policy().require_within_day(usd(10_001), [], NOON)
    assert never.value.possible_at is None
    assert never.value.advice == "Choose less"


@given(st.lists(st.integers(1, 6000), max_size=6), st.integers(1, 10_000))
def test_at_the_time_that_is_told_it_is_possible_and_not_before(amounts: list[int], wanted: int) -> None:
    before = earlier(*amounts)

    def fits(moment: datetime) -> bool:
        left = [one for one in before if one.created_at > moment - DAY]
        return len(left) < 3 and sum(one.amount.amount_minor for one in left) + wanted <= 10_000

    possible_at = refused_until(wanted, before)
    assert (possible_at is None) is fits(NOON)
    if possible_at is not None:
        assert fits(possible_at)
        assert not fits(possible_at - timedelta(microseconds=1))


def refused_until(wanted: int, before: list[Earlier]) -> datetime | None:
    try:
        policy().require_within_day(usd(wanted), before, NOON)
    except DailyLimitReached as refusal:
        return refusal.possible_at
    return None


def test_a_country_may_have_a_higher_minimum_and_never_a_lower() -> None:
    by_country = {"JP": usd(2500), "DE": usd(1), "XX": usd(2_000_000)}
    rules = Policy(LIMITS, minimum_by_country=by_country)
    assert rules.limits_in("JP").minimum == usd(2500)
    assert [rules.limits_in(country) for country in ("DE", "US", None)] == [LIMITS] * 3
    assert rules.limits_in("XX") == Limits(LIMITS.maximum, LIMITS.maximum)


def test_after_a_change_of_the_bank_account_nothing_is_withdrawn_until_the_time_is_over() -> None:
    rules = Policy(LIMITS, bank_change_wait=timedelta(hours=24))
    rules.require_bank_settled(None, NOON)
    rules.require_bank_settled(NOON - DAY, NOON)
    with pytest.raises(BankAccountTooNew) as refusal:
        rules.require_bank_settled(NOON - DAY + timedelta(seconds=1), NOON)
    assert refusal.value.until == NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("review", "amount", "is_first", "changed", "code"),
    [
        (Review(), 10**9, True, NOON, None),
        (Review(first=True), 1, True, None, "review_first"),
        (Review(first=True), 1, False, None, None),
        (Review(from_amount=usd(500)), 500, False, None, "review_large"),
        (Review(from_amount=usd(500)), 499, True, NOON, None),
        (Review(after_bank_change=DAY), 1, False, NOON - DAY + HOUR, "review_new_bank_account"),
        (Review(after_bank_change=DAY), 1, False, NOON - DAY, None),
        (Review(after_bank_change=DAY), 1, False, None, None),
    ],
)
def test_what_is_held_for_review(
    review: Review, amount: int, is_first: bool, changed: datetime | None, code: str | None
) -> None:
    reason = review.reason(usd(amount), is_first=is_first, bank_changed_at=changed, now=NOON)
    assert (reason.code if reason else None) == code


@pytest.mark.parametrize(
    ("country", "currency", "least_minor"),
    [
        ("US", "usd", 1),
        ("SV", "usd", 3000),
        ("DE", "eur", 100),
        ("KR", "krw", 40_000),
        ("KR", "usd", 100),
        ("JP", "jpy", 1),
        ("TW", "twd", 80_000),
        ("BH", "bhd", 1000),
        ("UY", "uyu", 1),
        ("VN", "vnd", 81_125),
    ],
)
def test_a_bank_is_sent_no_less_than_stripe_sends_there(country: str, currency: str, least_minor: int) -> None:
    require_sendable(Money(least_minor, currency), country)
    if least_minor > 1:
        with pytest.raises(BelowBankMinimum) as refusal:
            require_sendable(Money(least_minor - 1, currency), country)
        assert refusal.value.minimum == Money(least_minor, currency)


def test_settings_make_the_policy() -> None:
    plain = policy_of(settings_for_tests())
    assert (plain.per_day_max, plain.per_day_amount_max, plain.review) == (20, usd(2_000_000), Review())
    assert plain.bank_change_wait == timedelta(hours=24)
    strict = policy_of(
        settings_for_tests(
            withdrawal_daily_maximum=Decimal(500),
            withdrawal_minimum_by_country={"JP": Decimal("25.50")},
            review_first_withdrawal=True,
            review_withdrawals_from=Decimal(300),
            review_bank_change_days=7,
        )
    )
    assert strict.per_day_amount_max == usd(50_000)
    assert strict.minimum_by_country == {"JP": usd(2550)}
    assert strict.review == Review(True, usd(30_000), timedelta(days=7))
