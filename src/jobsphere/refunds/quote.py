"""How much of a deposit can go back to its card. Computes only (lifecycle.md section 6, "Card refund")."""

from dataclasses import dataclass
from enum import StrEnum

from jobsphere.money import Currency, Money


class NotNow(StrEnum):
    """Why nothing of a deposit can be refunded."""

    NOT_PAID = "not_paid"  # its money never came
    DISPUTED = "disputed"  # the card's bank asks for it: that is decided first
    NOTHING_LEFT = "nothing_left"  # all of it went back, or disputes took it
    SPENT = "spent"  # the wallet holds no money


@dataclass(frozen=True, slots=True)
class Payment:
    """What is known of a deposit: ``refunded`` went back or is on the way, ``contested`` disputes hold or took."""

    amount: Money
    refunded: Money
    contested: Money
    is_paid: bool
    is_disputed: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """``refundable`` may be refunded now; zero has its reason in ``not_now``."""

    payment: Payment
    available: Money
    refundable: Money
    not_now: NotNow | None


def quote(payment: Payment, available: Money) -> Quote:
    """The lesser of what the wallet holds and what is left of the deposit, in steps a card can be given."""
    currency = payment.amount.currency
    zero = Money.zero(currency)
    # A dispute after a refund may ask for more than is left.
    left = max(payment.amount - payment.refunded - payment.contested, zero)
    refundable = min(left, available)
    refundable -= Money(refundable.amount_minor % Currency.of(currency).step_minor, currency)
    not_now = _not_now(payment, left, refundable)
    return Quote(payment, available, zero if not_now else refundable, not_now)


def _not_now(payment: Payment, left: Money, refundable: Money) -> NotNow | None:
    if not payment.is_paid:
        return NotNow.NOT_PAID
    if payment.is_disputed:
        return NotNow.DISPUTED
    if not left:
        return NotNow.NOTHING_LEFT
    return None if refundable else NotNow.SPENT
