"""How much one deposit, withdrawal or offer may be."""

from dataclasses import dataclass
from decimal import Decimal

from jobsphere.money import Money, MoneyError


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

    def __post_init__(self) -> None:
        if not Money.zero(self.minimum.currency) < self.minimum <= self.maximum:
            raise MoneyError("the minimum is above zero and not above the maximum")

    @classmethod
    def of(cls, minimum: Decimal, maximum: Decimal, currency: str) -> "Limits":
        """From settings, which are in major units.

        Raises:
            MoneyError: they are no limits, or finer than the currency.
        """
        return cls(Money.from_major(f"{minimum:f}", currency), Money.from_major(f"{maximum:f}", currency))

    def require(self, amount: Money) -> None:
        """Raises ``AmountOutOfLimits`` unless the amount is within."""
        if not self.minimum <= amount <= self.maximum:
            raise AmountOutOfLimits(self)
