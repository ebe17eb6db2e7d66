"""``jobsphere worker`` and an inbox that never runs empty while the time is taken."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.contest import CannotMeasure
from benchmarks.ground import Ground
from benchmarks.history.past import People, pay
from benchmarks.webhooks.deliveries import event_body
from jobsphere.database import create_engine, in_own_transaction, reading
from jobsphere.webhooks.envelope import open_envelope
from jobsphere.webhooks.receive import Arrived, Source, put

# Several times what is settled at once, so that there is something between two looks.
_WARM_UP_EVENTS = 4_000
_STORED_AT_ONCE = 250
# More than the worker is expected to need, so that the inbox is still full at the end.
_STOCK = 1.5
_LOOK_SECONDS = 0.05
_DRAIN_SECONDS_MAX = 120

_WAITING = text("SELECT count(*) FROM webhook_events WHERE next_try_at IS NOT NULL")
_SETTLED = text(
    """
    SELECT (SELECT count(*) FROM webhook_events WHERE status = 'done' AND processed_at >= :since),
           (SELECT count(*) FROM deposits WHERE state = 'succeeded' AND created_at >= :since)
    """
)


@dataclass(slots=True)
class Settled:
    """What the worker of ``database`` settles, where ``people`` are: each turn brings events of deposits."""

    ground: Ground
    database: str
    people: People
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    engine: AsyncEngine = field(init=False)
    paid: int = 0
    expected_per_second: float = 0.0

    def __post_init__(self) -> None:
        self.engine = create_engine(self.ground.url(self.database), pool_size=2)

    async def rate(self, seconds: float) -> float:
        """How many out of a full inbox are settled in each second."""
        if not self.expected_per_second:
            self.expected_per_second = await self._settled_per_second(_WARM_UP_EVENTS, _DRAIN_SECONDS_MAX)
        stock = round(self.expected_per_second * (seconds + 1) * _STOCK)
        self.expected_per_second = await self._settled_per_second(stock, seconds)
        return self.expected_per_second

    async def pay(self, count: int) -> range:
        """Let cards be charged for so many deposits more; their numbers."""
        new = range(self.paid + 1, self.paid + count + 1)
        await pay(self.ground.owner_url(self.database), self.people, first=new.start, last=new.stop - 1)
        self.paid += count
        return new

    async def finished(self) -> float:
        """How many seconds it takes until no event waits.

        Raises:
            CannotMeasure: too many.
        """
        began = time.perf_counter()
        left, ended = await self._looked_until(0, _DRAIN_SECONDS_MAX)
        if left:
            raise CannotMeasure(f"the worker did not settle all within {_DRAIN_SECONDS_MAX} s")
        return ended - began

    async def miscounted(self, settled: int) -> str | None:
        """Why they do not count, None when so many events credited their deposits."""
        async with reading(self.engine) as connection:
            done, credited = (await connection.execute(_SETTLED, {"since": self.since})).one()
        if not done == credited == settled:
            return f"of {settled} events {done} are done, and {credited} deposits are credited"
        return None

    async def close(self) -> None:
        await self.engine.dispose()

    async def _settled_per_second(self, stock: int, seconds_max: float) -> float:
        await _store(self.engine, await self.pay(stock), datetime.now(UTC))
        before, began = await self._looked_until(stock - 1, _DRAIN_SECONDS_MAX)
        after, ended = await self._looked_until(0, seconds_max)
        await self.finished()
        return (before - after) / (ended - began)

    async def _looked_until(self, waiting_max: int, seconds_max: float) -> tuple[int, float]:
        """How many events wait, and when that was: once they are so few, or time is up."""
        until = time.perf_counter() + seconds_max
        while (waiting := await self._waiting()) > waiting_max and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        return waiting, time.perf_counter()

    async def _waiting(self) -> int:
        async with reading(self.engine) as connection:
            count: int = (await connection.execute(_WAITING)).scalar_one()
        return count


@in_own_transaction
async def _store(connection: AsyncConnection, numbers: Sequence[int], now: datetime) -> None:
    """Put the events into the inbox as the endpoint does, in one database transaction: they appear together."""
    for start in range(0, len(numbers), _STORED_AT_ONCE):
        bodies = [event_body(number) for number in numbers[start : start + _STORED_AT_ONCE]]
        events = [Arrived(open_envelope(body, livemode=False), body, Source.PLATFORM, now) for body in bodies]
        await put(connection, events)
