"""The one clock and the one source of ids, passed in wherever time or identity matters."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, with time zone UTC."""


class Ids(Protocol):
    def new(self) -> UUID:
        """An id that was never given before."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class TimeOrderedIds:
    """UUID version 7: random, but later ones sort later, so indexes grow at one end."""

    def new(self) -> UUID:
        return uuid7()


@dataclass(slots=True)
class ClockMovedByHand:
    """A clock for tests: it stands still until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.moment

    def advance(self, **duration: float) -> None:
        """Move forward by the arguments of ``timedelta`` (``hours=1``)."""
        self.moment += timedelta(**duration)


@dataclass(slots=True)
class IdsFromSeed:
    """Ids for tests: the same seed gives the same ids in the same order."""

    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def new(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)
