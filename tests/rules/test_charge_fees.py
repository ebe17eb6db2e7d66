"""What Stripe keeps of a charge: an entry for any fee, and none for money that was not credited."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.deposits.fees import ChargeFee, FeeState, UnexpectedFee, booking, processing_cost
from jobsphere.ledger.accounts import processing_costs, stripe_balance
from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import BalanceTransaction

CHARGED = Money(20_000, "usd")
FEE = ChargeFee(UUID(int=1), "ch_1", CHARGED, FeeState.PENDING, 0)
LINE = BalanceTransaction("txn_1", CHARGED, Money(610, "usd"), "charge", "charge")


def test_the_fee_is_a_cost_and_leaves_the_balance_at_stripe() -> None:
    entry = booking(FEE, LINE)

    assert entry is not None
    assert entry.reference == f"deposit:{FEE.deposit_id}:fee"
    [posting] = entry.postings
    assert (posting.debit, posting.credit, posting.amount) == (
        processing_costs("usd"),
        stripe_balance("usd"),
        Money(610, "usd"),
    )


@given(st.integers(-(10**8), 10**8))
def test_stripes_balance_changes_by_the_fee_whatever_its_sign(fee_minor: int) -> None:
    entry = processing_cost("r", Money(fee_minor, "usd"))

    if fee_minor == 0:
        assert entry is None
        return
    assert entry is not None
    [posting] = entry.postings
    left = posting.amount.amount_minor if posting.credit == stripe_balance("usd") else -posting.amount.amount_minor
    assert left == fee_minor


@pytest.mark.parametrize("amount", [Money(19_999, "usd"), Money(20_000, "eur"), Money(-20_000, "usd")])
def test_a_line_about_other_money_is_booked_by_nobody(amount: Money) -> None:
    with pytest.raises(UnexpectedFee):
        booking(FEE, replace(LINE, amount=amount, fee=Money(610, amount.currency)))
