"""Fees: 5 % on top, 20 % out of the amount, to the cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.marketplace.fees import Fees
from jobsphere.money import Money

AMOUNTS_MINOR = st.integers(1, 10**12)


def test_the_guides_example_holds_105_and_pays_80() -> None:
    fees = Fees.on(Money(100_00, "usd"))
    assert (fees.platform_fee, fees.service_fee) == (Money(5_00, "usd"), Money(20_00, "usd"))
    assert (fees.hold, fees.pay) == (Money(105_00, "usd"), Money(80_00, "usd"))


@pytest.mark.parametrize(
    ("amount_minor", "platform_fee_minor", "service_fee_minor"),
    [
        (1, 0, 0),
        (2, 0, 0),  # 0.4 of a cent
        (3, 0, 1),  # 0.6 of a cent
        (9, 0, 2),  # 0.45 of a cent on top
        (10, 1, 2),  # exactly half a cent on top is rounded up
        (33_33, 1_67, 6_67),
        (500, 25, 100),
        (50_000_00, 2_500_00, 10_000_00),
    ],
)
def test_each_fee_is_rounded_half_up(amount_minor: int, platform_fee_minor: int, service_fee_minor: int) -> None:
    fees = Fees.on(Money(amount_minor, "usd"))
    assert fees.platform_fee.amount_minor == platform_fee_minor
    assert fees.service_fee.amount_minor == service_fee_minor


@given(AMOUNTS_MINOR)
def test_parts_sum_to_the_whole_and_nobody_works_for_nothing(amount_minor: int) -> None:
    fees = Fees.on(Money(amount_minor, "usd"))
    assert fees.hold - fees.platform_fee == fees.amount
    assert fees.pay + fees.service_fee == fees.amount
    assert fees.pay > Money.zero("usd")


@given(AMOUNTS_MINOR)
def test_each_fee_is_within_half_a_minor_unit_of_its_exact_share(amount_minor: int) -> None:
    fees = Fees.on(Money(amount_minor, "usd"))
    assert -100 < 200 * fees.platform_fee.amount_minor - 10 * amount_minor <= 100
    assert -100 < 200 * fees.service_fee.amount_minor - 40 * amount_minor <= 100
