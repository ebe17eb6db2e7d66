"""What Stripe keeps of a charge: a cost of the platform, known once it is in Stripe's books. Rules only."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from jobsphere.ledger.accounts import processing_costs, stripe_balance
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import BalanceTransaction


class FeeState(StrEnum):
    """What is true of the fee of a charge."""

    PENDING = "pending"  # the card was charged; Stripe has not said yet what it keeps
    BOOKED = "booked"  # posted, as Stripe's balance transaction says


class UnexpectedFee(Exception):
    """Stripe's books hold another amount or currency than was credited: a person must look at it."""


@dataclass(frozen=True, slots=True)
class ChargeFee:
    """The fee of the charge of one deposit of ``charged``."""

    deposit_id: UUID
    charge_id: str | None  # None: the event about the payment did not say
    charged: Money
    state: FeeState
    tries: int


def booking(fee: ChargeFee, line: BalanceTransaction) -> Entry | None:
    """The entry for a fee that became known; None when Stripe keeps nothing.

    Raises:
        UnexpectedFee: the line is not about the money that was credited.
    """
    if line.amount != fee.charged:
        raise UnexpectedFee(f"deposit {fee.deposit_id}")
    return processing_cost(f"deposit:{fee.deposit_id}:fee", line.fee)


def processing_cost(reference: str, fee: Money) -> Entry | None:
    """The entry for what Stripe keeps; below zero it gives back. None when it is nothing."""
    cost, at_stripe = processing_costs(fee.currency), stripe_balance(fee.currency)
    if fee > Money.zero(fee.currency):
        return Entry(reference, (Posting(debit=cost, credit=at_stripe, amount=fee),))
    if fee < Money.zero(fee.currency):
        returned = Money.zero(fee.currency) - fee
        return Entry(reference, (Posting(debit=at_stripe, credit=cost, amount=returned),))
    return None
