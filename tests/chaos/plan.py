"""What will be played, computed from the seed alone: the same seed gives the same plan."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GROUP_SIZE = 40


class Kind(StrEnum):
    """What happens to the money of one scenario."""

    PAID = "paid"  # a card is charged
    PAID_WITH_3DS = "paid_with_3ds"  # its owner passes authentication first
    FAILED_3DS = "failed_3ds"  # its owner fails it
    DECLINED = "declined"  # the bank says no, and nobody tries again
    DECLINED_THEN_PAID = "declined_then_paid"  # another card is tried on the same payment
    REFUNDED = "refunded"  # part of a deposit goes back to the card
    REFUND_PENDING = "refund_pending"  # the same, told as pending first
    REFUND_FAILED = "refund_failed"  # the card's bank sends the refund back after it succeeded
    REFUNDED_AT_STRIPE = "refunded_at_stripe"  # a person refunds part in Stripe's dashboard
    DISPUTE_WON = "dispute_won"  # the bank takes the money, and gives it back
    DISPUTE_LOST = "dispute_lost"  # the bank takes the money, and keeps it
    INQUIRY = "inquiry"  # the bank only asks
    FRAUD_WARNING = "fraud_warning"  # the bank warns, nothing moves
    WITHDRAWN = "withdrawn"  # the bank gets the contractor's money
    PAYOUT_FAILED = "payout_failed"  # the bank does not take it
    PAYOUT_FAILED_AFTER_PAID = "payout_failed_after_paid"  # the bank sends it back


class Delivery(StrEnum):
    """What becomes of the webhooks."""

    ALL = "all"  # each comes once, in order
    NONE = "none"  # none comes: the list of events and questions must do
    FIVE_TIMES = "five_times"  # each comes five times
    SHUFFLED = "shuffled"  # each comes twice, in any order
    WEEK_LATE = "week_late"  # each comes seven days late


@dataclass(frozen=True, slots=True)
class Scenario:
    """``amount_minor`` moves, and ``part_minor`` of it in a refund."""

    number: int
    kind: Kind
    amount_minor: int
    part_minor: int


@dataclass(frozen=True, slots=True)
class Group:
    """Scenarios that are played side by side under one fate of the webhooks and one plan of Stripe's faults."""

    number: int
    delivery: Delivery
    seed: int
    faults: dict[str, float]
    scenarios: tuple[Scenario, ...]


def plan(seed: int, count: int) -> Sequence[Group]:
    """At least ``count`` scenarios, each of them once under every fate of the webhooks."""
    chance = random.Random(seed)
    different = -(-count // len(Delivery))
    kinds = list(Kind)
    scenarios = []
    for number in range(different):
        # Every kind before any comes again.
        if number % len(kinds) == 0:
            chance.shuffle(kinds)
        amount = chance.randrange(2_000, 90_000)
        scenarios.append(
            Scenario(number, kinds[number % len(kinds)], amount, chance.randrange(100, amount - 1_000))
        )
    chunks = [tuple(scenarios[start : start + GROUP_SIZE]) for start in range(0, different, GROUP_SIZE)]
    fates = [(chunk, delivery) for chunk in chunks for delivery in Delivery]
    return [
        Group(number, delivery, chance.getrandbits(31), _faults(chance), chunk)
        for number, (chunk, delivery) in enumerate(fates)
    ]


def _faults(chance: random.Random) -> dict[str, float]:
    """How likely each fault is for a request to Stripe; a third of the groups has none."""
    if chance.random() < 1 / 3:
        return {}
    kinds = ("error_before", "error_after", "drop_after", "rate_limit", "conflict", "locked")
    return {kind: round(chance.uniform(0, 0.05), 3) for kind in kinds}
