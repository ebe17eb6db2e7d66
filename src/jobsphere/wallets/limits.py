"""How much one deposit, withdrawal or offer may be."""

from dataclasses import dataclass
from decimal import Decimal

from jobsphere.money import Money


class AmountOutOfLimits(Exception):
    """The amount is below ``minimum`` or above ``maximum``."""

    def __init__(self, limits: "Limits") -> None:
        super().__init__(f"between {limits.minimum} and {limits.maximum}")
        self.limits = limits


@dataclass(frozen=True, slots=True)
class Limits:
    """Both ends are allowed."""

    minimum: Money
    maximum: Money

    @classmethod
    def of(cls, minimum: Decimal, maximum: Decimal, currency: str) -> "Limits":
        """From settings, which are in major units."""
        return cls(Money.from_major(f"{minimum:f}", currency), Money.from_major(f"{maximum:f}", currency))

    def require(self, amount: Money) -> None:
        """Raises ``AmountOutOfLimits`` unless the amount is within."""
        if not self.minimum <= amount <= self.maximum:
            raise AmountOutOfLimits(self)
