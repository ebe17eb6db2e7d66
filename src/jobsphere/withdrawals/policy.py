"""How much may be withdrawn, how often, and which withdrawals a person looks at first. Rules only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.withdrawals import reasons
from jobsphere.withdrawals.reasons import Reason

DAY = timedelta(days=1)


class DailyLimitReached(Exception):
    """With this one too much, or too many, would have been withdrawn within 24 hours."""

    def __init__(self, possible_at: datetime | None) -> None:
        super().__init__(f"possible at {possible_at}")
        # None: never, for the amount alone is above what a day allows.
        self.possible_at = possible_at

    @property
    def advice(self) -> str:
        """When it is possible, for people, without a full stop."""
        if self.possible_at is None:
            return "Choose less"
        return f"Choose less, or withdraw it after {self.possible_at:%Y-%m-%d %H:%M} UTC"


class BankAccountTooNew(Exception):
    """The bank account was changed a short while ago."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"until {until}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Earlier:
    """A withdrawal of the last 24 hours that was not taken back."""

    amount: Money
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """Which withdrawals are held until an admin has looked; by default none (docs/adr)."""

    first: bool = False  # the first that a contractor ever makes
    from_amount: Money | None = None  # this much or more
    after_bank_change: timedelta = timedelta(0)  # for so long after another bank account was entered

    def reason(
        self, amount: Money, *, is_first: bool, bank_changed_at: datetime | None, now: datetime
    ) -> Reason | None:
        """Why this one is held; None when it is not."""
        if self.from_amount is not None and amount >= self.from_amount:
            return reasons.REVIEW_OF_LARGE
        if bank_changed_at is not None and now < bank_changed_at + self.after_bank_change:
            return reasons.REVIEW_OF_NEW_BANK
        return reasons.REVIEW_OF_FIRST if self.first and is_first else None


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one installation. ``limits`` are those of one withdrawal, in the platform's currency."""

    limits: Limits
    minimum_by_country: Mapping[str, Money] = field(default_factory=dict)
    per_day_max: int | None = None
    per_day_amount_max: Money | None = None
    bank_change_wait: timedelta = timedelta(0)
    review: Review = Review()

    def limits_in(self, country: str | None) -> Limits:
        """The limits of one withdrawal to a bank in that country."""
        minimum = self.minimum_by_country.get(country or "")
        if minimum is None or minimum <= self.limits.minimum:
            return self.limits
        return Limits(min(minimum, self.limits.maximum), self.limits.maximum)

    def require_within_day(self, amount: Money, earlier: Sequence[Earlier], now: datetime) -> None:
        """Raises ``DailyLimitReached`` unless one more of ``amount`` fits beside those of the last 24 hours."""
        if self._fits(amount, earlier):
            return
        oldest_first = sorted(earlier, key=lambda one: one.created_at)
        for gone, one in enumerate(oldest_first, start=1):
            if self._fits(amount, oldest_first[gone:]):
                raise DailyLimitReached(one.created_at + DAY)
        raise DailyLimitReached(None)

    def require_bank_settled(self, bank_changed_at: datetime | None, now: datetime) -> None:
        """Raises ``BankAccountTooNew`` while withdrawals are held because the bank account was changed."""
        if bank_changed_at is not None and now < bank_changed_at + self.bank_change_wait:
            raise BankAccountTooNew(bank_changed_at + self.bank_change_wait)

    def _fits(self, amount: Money, earlier: Sequence[Earlier]) -> bool:
        if self.per_day_max is not None and len(earlier) >= self.per_day_max:
            return False
        total = sum((one.amount for one in earlier), amount)
        return self.per_day_amount_max is None or total <= self.per_day_amount_max
