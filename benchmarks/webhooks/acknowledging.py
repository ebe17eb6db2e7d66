"""Our endpoint and the constant as contestants, and the proof that nothing acknowledged was lost."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import repeat

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from benchmarks.load import deliver
from benchmarks.webhooks.deliveries import Delivery, Sender
from jobsphere.database import create_engine, reading

# Made before a turn, so that making them costs nobody's time; a turn ends early when they run out.
_DELIVERIES_PER_SECOND_MAX = 12_000
_WARM_UP_SECONDS = 0.5

_LOST = text(
    """
    SELECT count(*) FROM unnest(:acknowledged) AS acknowledged (event_key)
    WHERE NOT EXISTS (SELECT FROM webhook_events AS e WHERE e.event_key = acknowledged.event_key)
    """
).bindparams(bindparam("acknowledged", type_=ARRAY(TEXT)))


async def count_stored(url: str, event_ids: Collection[str]) -> tuple[int, int]:
    """How many events are stored, and how many of ``event_ids`` are not."""
    engine = create_engine(url, pool_size=1)
    async with reading(engine) as connection:
        lost = (await connection.execute(_LOST, {"acknowledged": list(event_ids)})).scalar_one()
        stored = (await connection.execute(text("SELECT count(*) FROM webhook_events"))).scalar_one()
    await engine.dispose()
    return stored, lost


@dataclass(slots=True)
class Acknowledged:
    """JobSphere on ``port``, and every event id that it acknowledged."""

    port: int
    sender: Sender
    event_ids: set[str] = field(default_factory=set)
    stored_before: int = 0

    async def look(self, url: str) -> None:
        """Count what is stored before the first turn."""
        self.stored_before, _ = await count_stored(url, ())

    async def rate(self, seconds: float) -> float:
        deliveries = self.sender.deliveries(round((seconds + _WARM_UP_SECONDS) * _DELIVERIES_PER_SECOND_MAX))
        upcoming = iter(deliveries)
        await self._deliver(upcoming, _WARM_UP_SECONDS)
        return await self._deliver(upcoming, seconds)

    async def _deliver(self, deliveries: Iterator[Delivery], seconds: float) -> float:
        answered = await deliver(self.port, deliveries, seconds)
        self.event_ids.update(answered.event_ids)
        return len(answered.event_ids) / answered.seconds

    async def breach(self, url: str) -> str | None:
        """Why the answers do not count, None when exactly what was acknowledged is stored, each once."""
        stored, lost = await count_stored(url, self.event_ids)
        new = stored - self.stored_before
        if lost or new != len(self.event_ids):
            return f"{len(self.event_ids)} events were acknowledged, {new} are stored, {lost} are lost"
        return None


@dataclass(frozen=True, slots=True)
class Constant:
    """The bare application on ``port``; it gets the same kind of requests."""

    port: int
    sender: Sender

    async def rate(self, seconds: float) -> float:
        request = self.sender.deliveries(1)[0]
        await deliver(self.port, repeat(request), _WARM_UP_SECONDS)
        answered = await deliver(self.port, repeat(request), seconds)
        return len(answered.event_ids) / answered.seconds
