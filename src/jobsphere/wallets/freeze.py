"""A freeze: how much of a wallet it stops, and until when. Rules only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class FreezeLevel(StrEnum):
    """How much a freeze stops, from little to everything a person can do with their wallet."""

    WITHDRAWALS = "withdrawals"  # nothing can be withdrawn to a bank
    OUTGOING = "outgoing"  # nor can offers be sent or deposits be paid back to a card
    ALL = "all"  # nor can deposits be started


class Use(StrEnum):
    """What a person wants to do with their wallet."""

    WITHDRAW = "withdraw"  # send money to a bank
    SPEND = "spend"  # send an offer, or have a deposit paid back
    PAY_IN = "pay_in"  # start a deposit


_STOPPED_BY = {
    Use.WITHDRAW: frozenset(FreezeLevel),
    Use.SPEND: frozenset({FreezeLevel.OUTGOING, FreezeLevel.ALL}),
    Use.PAY_IN: frozenset({FreezeLevel.ALL}),
}


@dataclass(frozen=True, slots=True)
class Freeze:
    """One freeze; ``author_id`` is None when the platform did it by itself, ``ends_at`` when it has no end."""

    id: int
    wallet_id: UUID
    level: FreezeLevel
    reason: str
    reference: str | None
    author_id: UUID | None
    created_at: datetime
    review_at: datetime
    ends_at: datetime | None

    def is_in_force(self, now: datetime) -> bool:
        """Whether it stops anything at that time; it ends by itself, whoever looks or does not."""
        return self.ends_at is None or now < self.ends_at

    def stops(self, use: Use) -> bool:
        """Whether the wallet cannot be used like that while it is in force."""
        return self.level in _STOPPED_BY[use]
