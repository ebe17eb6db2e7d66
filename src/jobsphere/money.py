"""Amounts of money: whole minor units and a currency. No float comes near them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from jobsphere.currencies import Currency as Currency
from jobsphere.currencies import MoneyError as MoneyError

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?", re.ASCII)


class CurrencyMismatch(MoneyError):
    """Amounts of different currencies cannot be added or compared."""


class NotAnAmount(MoneyError):
    """The text is not a plain decimal number (no exponent, no sign but minus, no spaces)."""


class TooManyDecimals(MoneyError):
    """The currency has no unit this small."""


class NotPayable(MoneyError):
    """A card cannot be charged this amount, or a bank cannot be sent it; see ``Currency.step_minor``."""


@dataclass(frozen=True, slots=True)
class Money:
    """``amount_minor`` minor units of ``currency`` (three lower-case letters, as Stripe writes them)."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        # bool is an int to Python, and True would be one cent.
        if type(self.amount_minor) is not int:
            raise MoneyError(f"minor units are whole numbers, not {type(self.amount_minor).__name__}")

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def from_major(cls, text: str, currency: str) -> Self:
        """Read major units exactly: ``from_major("19.99", "usd")`` is 1999 minor units.

        Raises:
            NotAnAmount: the text is not a plain decimal number.
            TooManyDecimals: it has digits below the currency's smallest unit (also zeros).
            NotPayable: it is no multiple of what can be charged and paid out.
        """
        if not _PLAIN_NUMBER.fullmatch(text):
            raise NotAnAmount("write the amount as a plain decimal number")
        unit = Currency.of(currency)
        decimals = len(text.partition(".")[2])
        if decimals > unit.decimals:
            raise TooManyDecimals(f"{currency.upper()} amounts have at most {unit.decimals} decimals")
        amount = cls(int(Decimal(text) * unit.minor_per_major), currency)
        if amount.amount_minor % unit.step_minor:
            step = cls(unit.step_minor, currency).to_major()
            raise NotPayable(f"{currency.upper()} amounts are multiples of {step}")
        return amount

    def to_major(self) -> str:
        """The amount in major units as people write it: ``"200.00"``."""
        unit = Currency.of(self.currency)
        sign = "-" if self.amount_minor < 0 else ""
        whole, rest = divmod(abs(self.amount_minor), unit.minor_per_major)
        # ISK has 100 minor units at Stripe but shows none; a rest there would be lost in display.
        if unit.decimals == 0:
            return f"{sign}{whole}" if rest == 0 else f"{sign}{whole}.{rest:02d}"
        return f"{sign}{whole}.{rest:0{unit.decimals}d}"

    def share(self, basis_points: int) -> "Money":
        """That part of the amount, rounded half up to what can be paid (100 basis points are 1 %).

        The rest is ``amount - share``: the parts always sum to the whole, and where the whole is a multiple of
        ``Currency.step_minor``, so are they.
        """
        if self.amount_minor < 0 or basis_points < 0:
            raise MoneyError("shares are taken of amounts that are not negative")
        step = Currency.of(self.currency).step_minor
        rounded = (self.amount_minor * basis_points + 5_000 * step) // (10_000 * step) * step
        # Of an amount below one step, half up could be more than the whole.
        return Money(min(rounded, self.amount_minor) if basis_points <= 10_000 else rounded, self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount_minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount_minor >= self._same(other)

    def __bool__(self) -> bool:
        """Whether there is any money at all."""
        return self.amount_minor != 0

    def __str__(self) -> str:
        return f"{self.to_major()} {self.currency.upper()}"

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined")
        return other.amount_minor
