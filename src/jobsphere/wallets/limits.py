"""How much one deposit, withdrawal or offer may be."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from jobsphere.currencies import CHARGE_MAXIMUM_MINOR, Currency
from jobsphere.money import Money, MoneyError
from jobsphere.settings import Settings

What = Literal["deposit", "withdrawal", "offer"]
# In dollars, or in as many times ``Currency.scale`` of another currency.
_DEFAULTS: dict[What, tuple[int, int]] = {
    "deposit": (10, 10_000),
    "withdrawal": (10, 10_000),
    "offer": (5, 50_000),
}


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

    @classmethod
    def of_settings(cls, settings: Settings, what: What) -> "Limits":
        """What the settings say, or where they say nothing what is sensible for the currency.

        Raises:
            MoneyError: they are no limits, or a deposit could be what Stripe does not charge.
        """
        unit = Currency.of(settings.payment_currency)
        minimum = _major(getattr(settings, f"{what}_minimum"), _DEFAULTS[what][0] * unit.scale, unit)
        maximum = _major(getattr(settings, f"{what}_maximum"), _DEFAULTS[what][1] * unit.scale, unit)
        if what == "deposit":
            _require_chargeable(minimum, maximum, unit)
        return cls(minimum, maximum)

    def require(self, amount: Money) -> None:
        """Raises ``AmountOutOfLimits`` unless the amount is within."""
        if not self.minimum <= amount <= self.maximum:
            raise AmountOutOfLimits(self)


def _major(given: Decimal | None, default: int, unit: Currency) -> Money:
    if given is not None:
        return Money.from_major(f"{given:f}", unit.code)
    # Where a major unit is worth very little, what Stripe charges at once is less than the default.
    largest = CHARGE_MAXIMUM_MINOR - CHARGE_MAXIMUM_MINOR % unit.minor_per_major
    return Money(min(default * unit.minor_per_major, largest), unit.code)


def _require_chargeable(minimum: Money, maximum: Money, unit: Currency) -> None:
    least = Money(unit.charge_minimum_minor, unit.code)
    most = Money(CHARGE_MAXIMUM_MINOR, unit.code)
    if minimum < least or maximum > most:
        raise MoneyError(f"Stripe charges cards between {least} and {most}")
