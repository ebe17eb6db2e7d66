"""One try to charge a card for a deposit: what it is, and how it may end. Rules only."""

from dataclasses import dataclass
from enum import StrEnum

from jobsphere.stripe_gateway.objects import Card


class AttemptState(StrEnum):
    """What is true of an attempt."""

    OPEN = "open"  # a confirmation may have been sent; the bank or the customer may have to answer
    SUCCEEDED = "succeeded"  # this card was charged
    DECLINED = "declined"  # this card was refused, or its owner did not confirm
    ABANDONED = "abandoned"  # another card was tried, or the deposit was given up; nobody waits for it


@dataclass(frozen=True, slots=True)
class Attempt:
    """The ``number``-th attempt of a deposit, from 1. What is not known of its card is None."""

    number: int
    state: AttemptState
    payment_method_id: str | None = None
    card: Card | None = None
    charge_id: str | None = None
    failure_code: str | None = None  # one of our own codes, of ``declines``
