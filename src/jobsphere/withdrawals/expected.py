"""When money can be sent on at Stripe, and when it is at the bank. Rules only."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import BalanceTransaction

# What Stripe tells platforms to expect of a manual payout; its own date replaces this once there is a payout.
BANK_WORKING_DAYS = 2
_SATURDAY = 5


def arrival(sent_at: datetime) -> datetime:
    """When money sent then is at the bank: two working days later."""
    day, left = sent_at, BANK_WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY
    return day


def available_on(missing: Money, pending: Iterable[BalanceTransaction]) -> datetime | None:
    """By when so much of the pending money becomes available that nothing is missing any more.

    None when all of it together is not enough: then somebody has to bring money first.
    """
    coming = [(line.pending_until, line.net) for line in pending if line.pending_until is not None]
    for moment, net in sorted(coming, key=lambda line: line[0]):
        missing -= net
        if missing.amount_minor <= 0:
            return moment
    return None
