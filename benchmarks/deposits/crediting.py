"""``jobsphere serve`` and ``jobsphere worker`` together: from the webhook to the credited wallet."""

from dataclasses import dataclass, field

from benchmarks.load import deliver
from benchmarks.serving import SECRET
from benchmarks.webhooks.deliveries import Sender
from benchmarks.worker.settling import Settled

_DELIVERIES_PER_SECOND_MAX = 6_000
_WARM_UP_SECONDS = 0.5


@dataclass(slots=True)
class Credited:
    """JobSphere on ``port`` with a worker beside it; ``settled`` looks at what the worker does."""

    port: int
    settled: Settled
    sender: Sender = field(default_factory=lambda: Sender(SECRET))
    event_ids: set[str] = field(default_factory=set)

    async def rate(self, seconds: float) -> float:
        """Deposits credited in each second, from the first delivery until none of them waits any more."""
        count = round((seconds + _WARM_UP_SECONDS) * _DELIVERIES_PER_SECOND_MAX)
        await self.settled.pay(count)
        upcoming = iter(self.sender.deliveries(count))
        self.event_ids.update((await deliver(self.port, upcoming, _WARM_UP_SECONDS)).event_ids)
        await self.settled.finished()
        before = len(self.event_ids)
        answered = await deliver(self.port, upcoming, seconds)
        self.event_ids.update(answered.event_ids)
        return (len(self.event_ids) - before) / (answered.seconds + await self.settled.finished())

    async def miscounted(self) -> str | None:
        """Why they do not count, None when every event acknowledged credited its deposit, and no other."""
        return await self.settled.miscounted(len(self.event_ids))
