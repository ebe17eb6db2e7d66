"""What an offer costs the customer and pays the contractor. Computes only."""

from dataclasses import dataclass
from typing import Self

from jobsphere.money import Money

# lifecycle.md, first paragraph: 5 % on top, taken at acceptance; 20 % out of the amount, taken at completion.
PLATFORM_FEE_BASIS_POINTS = 500
SERVICE_FEE_BASIS_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Fees:
    """The amount of an offer and both fees on it, fixed when the offer is sent."""

    amount: Money
    platform_fee: Money
    service_fee: Money

    @classmethod
    def on(cls, amount: Money) -> Self:
        """The fees on ``amount`` as they are today, each rounded half up to what can be paid."""
        return cls(amount, amount.share(PLATFORM_FEE_BASIS_POINTS), amount.share(SERVICE_FEE_BASIS_POINTS))

    @property
    def hold(self) -> Money:
        """What leaves the customer's wallet at sending: the amount and the platform fee on top."""
        return self.amount + self.platform_fee

    @property
    def pay(self) -> Money:
        """What the contractor receives at completion: the amount without the service fee."""
        return self.amount - self.service_fee
