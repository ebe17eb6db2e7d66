"""Wallets with money in them, and the entries that go on between them."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from benchmarks.history.past import People, contractor_wallet_id, customer_wallet_id
from jobsphere.ledger.accounts import (
    Account,
    offer_escrow,
    service_fees,
    stripe_balance,
    wallet_available,
)
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money

CURRENCY = "usd"
REFUSED_EVERY = 100  # 1 % of the entries ask for more than there is
_FUNDS_MINOR = 10**9
_TOO_MUCH_MINOR = 10**12


def _money(amount_minor: int) -> Money:
    return Money(amount_minor, CURRENCY)


@dataclass(slots=True)
class Market:
    """As many customers, contractors and escrows as told, the same in every run; those of ``people`` if given."""

    wallets: int
    people: People | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - repeatable on purpose
    customers: list[Account] = field(init=False)
    contractors: list[Account] = field(init=False)
    escrows: list[Account] = field(init=False)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        customers = [self._id() for _ in range(self.wallets)]
        contractors = [self._id() for _ in range(self.wallets)]
        if self.people is not None:
            customers = [customer_wallet_id(number) for number in range(1, self.people.customers + 1)]
            contractors = [contractor_wallet_id(number) for number in range(1, self.people.contractors + 1)]
        self.customers = [wallet_available(wallet_id, CURRENCY) for wallet_id in customers]
        self.contractors = [wallet_available(wallet_id, CURRENCY) for wallet_id in contractors]
        self.escrows = [offer_escrow(self._id(), CURRENCY) for _ in range(self.wallets)]

    def _id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128), version=4)

    def opening(self) -> Iterator[Entry]:
        """Puts money into every wallet, and so opens every account."""
        platform = stripe_balance(CURRENCY)
        for number, customer in enumerate(self.customers):
            yield Entry(
                f"opening:{number}",
                (
                    Posting(platform, customer, _money(_FUNDS_MINOR)),
                    Posting(customer, self.escrows[number], _money(1)),
                    Posting(customer, self.contractors[number % len(self.contractors)], _money(1)),
                ),
            )

    def batch(self, size: int) -> list[Entry]:
        """The next entries: each holds an amount, pays the contractor 80 % and the platform 20 % of it."""
        return [self._entry(next(self.numbers)) for _ in range(size)]

    def _entry(self, number: int) -> Entry:
        chosen = self.chance.randrange(self.wallets)
        escrow = self.escrows[chosen]
        too_much = number % REFUSED_EVERY == REFUSED_EVERY - 1
        amount = _money(_TOO_MUCH_MINOR if too_much else self.chance.randrange(500, 50_000))
        fee = amount.share(2_000)
        return Entry(
            f"job:{number}",
            (
                Posting(self.customers[chosen], escrow, amount),
                Posting(escrow, self.chance.choice(self.contractors), amount - fee),
                Posting(escrow, service_fees(CURRENCY), fee),
            ),
        )
