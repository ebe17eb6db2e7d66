"""Sandbox time: the wall clock plus an offset that tests move forward."""

import time
from collections.abc import Callable


class Clock:
    """Seconds since 1970 as the sandbox sees them; it never runs backwards by itself."""

    def __init__(self, offset_seconds: float = 0.0, wall: Callable[[], float] = time.time) -> None:
        self.offset_seconds = offset_seconds
        self._wall = wall

    def now(self) -> float:
        """The present moment, with fractions."""
        return self._wall() + self.offset_seconds

    def timestamp(self) -> int:
        """The present moment as Stripe writes it: whole seconds."""
        return int(self.now())

    def move_to(self, moment: float) -> None:
        """Let ``moment`` be the present if it still lies ahead; a past moment changes nothing."""
        self.offset_seconds += max(0.0, moment - self.now())
