"""What will be played, computed from the seed alone: the same seed gives the same plan."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stripe_sandbox.faults.deliveries import DeliveryFault
from stripe_sandbox.faults.requests import RequestFault

GROUP_SIZE = 32
# How likely a fault of one kind is at most.
FAULT_MOST = 0.04
DELIVERY_FAULT_MOST = 0.15


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
    REFUNDED_TWICE = "refunded_twice"  # its owner asks while a person refunds another part in the dashboard
    REFUNDED_WHEN_SPENT = "refunded_when_spent"  # in the dashboard; the debt is paid by the next deposit
    DISPUTE_WON = "dispute_won"  # the bank takes the money, and gives it back
    DISPUTE_WON_IN_PART = "dispute_won_in_part"  # and gives some of it back
    DISPUTE_LOST = "dispute_lost"  # the bank takes the money, and keeps it
    DISPUTE_LOST_AT_ONCE = "dispute_lost_at_once"  # the same before anybody could look at it
    DISPUTE_OF_PART = "dispute_of_part"  # the bank takes part of the money, and keeps it
    DISPUTES_OF_PARTS = "disputes_of_parts"  # two parts are disputed; one is lost, one won
    DISPUTE_AFTER_REFUND = "dispute_after_refund"  # all of it is disputed though part went back already
    DISPUTE_WHEN_SPENT = "dispute_when_spent"  # lost; the debt is paid by the next deposit
    DISPUTE_WON_WHEN_SPENT = "dispute_won_when_spent"  # nothing could be frozen, nothing is owed
    DISPUTE_OF_HELD_MONEY = "dispute_of_held_money"  # a job waits for the money; lost, so it ends
    DISPUTE_WON_OF_HELD_MONEY = "dispute_won_of_held_money"  # a job waits for the money, and goes on
    INQUIRY = "inquiry"  # the bank only asks
    INQUIRY_LOST = "inquiry_lost"  # the bank asks, then takes the money, and keeps it
    FRAUD_WARNING = "fraud_warning"  # the bank warns, nothing moves
    WITHDRAWN = "withdrawn"  # the bank gets the contractor's money
    PAYOUT_FAILED = "payout_failed"  # the bank does not take it
    PAYOUT_FAILED_AFTER_PAID = "payout_failed_after_paid"  # the bank sends it back


class Delivery(StrEnum):
    """What becomes of the webhooks."""

    ALL = "all"  # each comes once, in order, and Stripe answers everything: the calm run
    NONE = "none"  # none comes: the list of events and questions must do
    FIVE_TIMES = "five_times"  # each comes five times
    SHUFFLED = "shuffled"  # each comes twice, in any order
    WEEK_LATE = "week_late"  # each comes seven days late
    BY_CHANCE = "by_chance"  # each may come twice, late, later than the next, forged first, or never


@dataclass(frozen=True, slots=True)
class Scenario:
    """``amount_minor`` moves, and ``part_minor`` of it in a refund or a dispute of part of it."""

    number: int
    kind: Kind
    amount_minor: int
    part_minor: int


@dataclass(frozen=True, slots=True)
class Group:
    """Scenarios that are played side by side under one fate of the webhooks.

    ``faults`` and ``delivery_faults`` say how likely each fault is for a request to Stripe and for a webhook.
    """

    number: int
    delivery: Delivery
    seed: int
    faults: dict[str, float]
    delivery_faults: dict[str, float]
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
        part = chance.randrange(200, amount - 1_000)
        scenarios.append(Scenario(number, kinds[number % len(kinds)], amount, part))
    chunks = [tuple(scenarios[start : start + GROUP_SIZE]) for start in range(0, different, GROUP_SIZE)]
    fates = [(chunk, delivery) for chunk in chunks for delivery in Delivery]
    return [_group(number, delivery, chance, chunk) for number, (chunk, delivery) in enumerate(fates)]


def _group(number: int, delivery: Delivery, chance: random.Random, chunk: tuple[Scenario, ...]) -> Group:
    is_calm = delivery is Delivery.ALL
    requests = {} if is_calm else _likely(RequestFault, chance, but=frozenset({RequestFault.SLOW}))
    deliveries = _likely(DeliveryFault, chance) if delivery is Delivery.BY_CHANCE else {}
    return Group(number, delivery, chance.getrandbits(31), requests, deliveries, chunk)


def _likely(
    kinds: type[StrEnum], chance: random.Random, *, but: frozenset[StrEnum] = frozenset()
) -> dict[str, float]:
    most = FAULT_MOST if kinds is RequestFault else DELIVERY_FAULT_MOST
    return {kind.value: round(chance.uniform(0, most), 3) for kind in kinds if kind not in but}
