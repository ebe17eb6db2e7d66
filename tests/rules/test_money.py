"""Money: read and written exactly in every kind of currency, shared without losing a unit, never mixed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.currencies import SUPPORTED
from jobsphere.marketplace.fees import Fees
from jobsphere.money import Currency, CurrencyMismatch, Money, MoneyError, NotAnAmount, NotPayable, TooManyDecimals
from jobsphere.settings import Settings
from jobsphere.wallets.limits import Limits

# One currency of each kind, with its decimals and its minor units per major unit.
KINDS = {"jpy": (0, 1), "usd": (2, 100), "kwd": (3, 1000), "isk": (0, 100), "ugx": (0, 100), "huf": (2, 100)}
# docs.stripe.com/currencies, of which amounts are a multiple at cards and banks; 1 elsewhere.
STEPS = dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10) | dict.fromkeys(("isk", "ugx", "huf", "twd"), 100)
EVERY = st.sampled_from(sorted(SUPPORTED))
CURRENCIES = st.sampled_from(sorted(KINDS))
AMOUNTS_MINOR = st.integers(-(10**14), 10**14)


@pytest.mark.parametrize(("code", "kind"), KINDS.items())
def test_each_kind_of_currency_has_its_decimals_and_its_minor_units(code: str, kind: tuple[int, int]) -> None:
    currency = Currency.of(code)

    assert (currency.decimals, currency.minor_per_major) == kind


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("200", "usd", 20_000),
        ("19.99", "usd", 1_999),
        ("0.1", "usd", 10),
        ("-5.05", "usd", -505),
        ("0", "usd", 0),
        ("999999999999999.99", "usd", 99_999_999_999_999_999),
        ("500", "jpy", 500),
        ("1.230", "kwd", 1_230),
        ("1000.00", "huf", 100_000),
        ("1.2", "kwd", 1_200),
        ("1500", "isk", 150_000),
        ("7", "ugx", 700),
    ],
)
def test_major_units_are_read_exactly(text: str, currency: str, amount_minor: int) -> None:
    assert Money.from_major(text, currency) == Money(amount_minor, currency)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (20_000, "usd", "200.00"),
        (5, "usd", "0.05"),
        (-5, "usd", "-0.05"),
        (-1_950, "usd", "-19.50"),
        (0, "usd", "0.00"),
        (500, "jpy", "500"),
        (-500, "jpy", "-500"),
        (1_200, "kwd", "1.200"),
        (7, "kwd", "0.007"),
        (150_000, "isk", "1500"),
        # Stripe would not charge this, but a fee could be it: no unit is lost in display.
        (150_007, "isk", "1500.07"),
    ],
)
def test_amounts_are_written_with_all_decimals_of_their_currency(
    amount_minor: int, currency: str, text: str
) -> None:
    assert Money(amount_minor, currency).to_major() == text


@given(CURRENCIES, AMOUNTS_MINOR)
def test_what_is_written_reads_back_as_the_same_amount(currency: str, amount: int) -> None:
    decimals, minor_per_major = KINDS[currency]
    # Where people see no decimals but Stripe counts hundredths, only whole units can be typed.
    money = Money(amount * (minor_per_major if decimals == 0 else STEPS.get(currency, 1)), currency)

    assert Money.from_major(money.to_major(), currency) == money


@given(CURRENCIES, AMOUNTS_MINOR)
def test_the_text_is_the_exact_decimal_value(currency: str, amount_minor: int) -> None:
    text = Money(amount_minor, currency).to_major()

    assert Decimal(text) * KINDS[currency][1] == amount_minor


@pytest.mark.parametrize(
    "text",
    [
        *("1e3", "1E3", "NaN", "nan", "sNaN", "Infinity", "-inf", "+1", " 1", "1 ", "1\n", "1.", ".5", "-.5", ""),
        *("1_000", "1,000", "1,5", "0x10", "0b1", "١٢", "１", "1.٥", "--1", "1-", "-", ".", "1.2.3", "007", "00"),  # noqa: RUF001 - digits of other scripts
        *("true", "None", "1" * 16, "0.0000001", "$5", "5 usd", "1\x00"),
    ],
)
@pytest.mark.parametrize("currency", sorted(KINDS))
def test_what_is_not_a_plain_number_is_refused(text: str, currency: str) -> None:
    with pytest.raises(NotAnAmount):
        Money.from_major(text, currency)


@given(st.text(max_size=12), CURRENCIES)
def test_any_text_is_an_amount_or_refused_as_one(text: str, currency: str) -> None:
    try:
        money = Money.from_major(text, currency)
    except MoneyError:
        return

    assert text.isascii()
    assert Decimal(text) * KINDS[currency][1] == money.amount_minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("1.001", "usd"), ("1.000", "usd"), ("1.0", "jpy"), ("1.5", "isk"), ("1.00", "ugx"), ("1.0000", "kwd")],
)
def test_decimals_below_the_smallest_unit_are_refused_even_zeros(text: str, currency: str) -> None:
    with pytest.raises(TooManyDecimals):
        Money.from_major(text, currency)


@pytest.mark.parametrize(
    ("text", "currency"), [("1.234", "kwd"), ("1.001", "bhd"), ("1000.50", "huf"), ("0.01", "twd")]
)
def test_what_no_card_or_no_bank_can_move_is_refused(text: str, currency: str) -> None:
    with pytest.raises(NotPayable):
        Money.from_major(text, currency)


@given(EVERY, st.integers(0, 10**9))
def test_in_every_currency_what_is_typed_can_be_charged_and_paid_out_and_reads_back(code: str, steps: int) -> None:
    step = STEPS.get(code, 1)
    amount = Money(steps * step, code)

    assert Currency.of(code).step_minor == step
    assert Money.from_major(amount.to_major(), code) == amount


@given(EVERY, st.integers(1, 10**9))
def test_in_every_currency_both_fees_and_what_they_leave_can_be_paid(code: str, steps: int) -> None:
    step = STEPS.get(code, 1)

    fees = Fees.on(Money(steps * step, code))

    parts = (fees.platform_fee, fees.service_fee, fees.hold, fees.pay)
    assert [part.amount_minor % step for part in parts] == [0, 0, 0, 0]
    assert fees.pay + fees.service_fee == fees.amount
    assert fees.hold - fees.platform_fee == fees.amount
    # Half up: at most half a step from the exact fee.
    for fee, basis_points in ((fees.platform_fee, 500), (fees.service_fee, 2_000)):
        assert abs(fee.amount_minor * 10_000 - steps * step * basis_points) <= 5_000 * step


@pytest.mark.parametrize("code", sorted(SUPPORTED))
def test_every_currency_has_limits_that_can_be_charged_and_paid_out(code: str) -> None:
    settings = Settings(_env_file=None, payment_currency=code)
    unit = Currency.of(code)
    deposit, *others = [Limits.of_settings(settings, what) for what in ("deposit", "withdrawal", "offer")]

    assert unit.charge_minimum_minor <= deposit.minimum.amount_minor < deposit.maximum.amount_minor <= 99_999_999
    for limits in (deposit, *others):
        assert (
            limits.minimum.amount_minor % STEPS.get(code, 1)
            == limits.maximum.amount_minor % STEPS.get(code, 1)
            == 0
        )
        assert Money.from_major(limits.minimum.to_major(), code) == limits.minimum


@pytest.mark.parametrize("amount_minor", [True, False, 1.0, 1.5, "1", None, Decimal(1)])
def test_minor_units_are_whole_numbers_and_nothing_that_looks_like_one(amount_minor: Any) -> None:
    with pytest.raises(MoneyError):
        Money(amount_minor, "usd")


@pytest.mark.parametrize("code", ["USD", "us", "usdx", "", "u5d", "us ", "ｕｓｄ", "usd\n"])  # noqa: RUF001
def test_a_currency_is_three_lower_case_letters(code: str) -> None:
    with pytest.raises(MoneyError):
        Currency.of(code)


@pytest.mark.parametrize(
    ("amount_minor", "basis_points", "share_minor"),
    [
        (10_000, 500, 500),
        (10_000, 2_000, 2_000),
        (10, 500, 1),  # 0.5 rounds up
        (9, 500, 0),  # 0.45 rounds down
        (30, 500, 2),  # 1.5 rounds up, where half to even would too
        (50, 500, 3),  # 2.5 rounds up, where half to even would not
        (2, 2_000, 0),
        (3, 2_000, 1),
        (1, 10_000, 1),
        (0, 2_000, 0),
        (7, 0, 0),
    ],
)
def test_a_share_is_rounded_half_up(amount_minor: int, basis_points: int, share_minor: int) -> None:
    assert Money(amount_minor, "usd").share(basis_points) == Money(share_minor, "usd")


@given(st.integers(0, 10**15), st.integers(0, 10_000), CURRENCIES)
def test_the_parts_of_a_share_sum_to_the_whole_and_none_is_negative(
    amount_minor: int, basis_points: int, currency: str
) -> None:
    whole = Money(amount_minor, currency)

    share = whole.share(basis_points)
    rest = whole - share

    assert share + rest == whole
    assert Money.zero(currency) <= share <= whole
    # Half up: the exact share is at most half a step away, and never half a step above, or the share is the whole.
    half = 5_000 * STEPS.get(currency, 1)
    assert -half < share.amount_minor * 10_000 - amount_minor * basis_points <= half or share == whole


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(0, 10_000), st.integers(0, 5_000))
def test_more_money_or_a_higher_rate_never_gives_a_smaller_share(
    amount_minor: int, more_minor: int, basis_points: int, more_basis_points: int
) -> None:
    share = Money(amount_minor, "usd").share(basis_points)

    assert share <= Money(amount_minor + more_minor, "usd").share(basis_points)
    assert share <= Money(amount_minor, "usd").share(basis_points + more_basis_points)


@pytest.mark.parametrize(("amount_minor", "basis_points"), [(-1, 500), (1, -500)])
def test_nothing_negative_is_shared(amount_minor: int, basis_points: int) -> None:
    with pytest.raises(MoneyError):
        Money(amount_minor, "usd").share(basis_points)


@pytest.mark.parametrize("operator", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_amounts_of_different_currencies_are_never_combined(operator: str) -> None:
    with pytest.raises(CurrencyMismatch):
        getattr(Money(1, "usd"), operator)(Money(1, "eur"))


def test_the_same_number_of_another_currency_is_another_amount() -> None:
    assert Money(1, "usd") != Money(1, "eur")


@given(st.integers(), st.integers())
def test_amounts_add_and_compare_as_their_minor_units_do(one: int, other: int) -> None:
    a, b = Money(one, "usd"), Money(other, "usd")

    assert (a + b).amount_minor == one + other
    assert (a - b).amount_minor == one - other
    assert (a < b, a <= b, a > b, a >= b, a == b) == (
        one < other,
        one <= other,
        one > other,
        one >= other,
        one == other,
    )
    assert bool(a) is (one != 0)
