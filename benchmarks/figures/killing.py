"""What is lost of acknowledged events when server and PostgreSQL are killed (SIGKILL) under load."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.contest import Say
from benchmarks.effort import Effort
from benchmarks.figure import Figure
from benchmarks.ground import Ground
from benchmarks.load import CONNECTIONS, is_complete
from benchmarks.serving import SECRET, NotServed, jobsphere_running
from benchmarks.webhooks.acknowledging import count_stored
from benchmarks.webhooks.deliveries import Delivery, Sender

_DATABASE = "killed"
_DELIVERIES_MAX = 60_000
_AGAIN_SECONDS = 0.05
_SILENCE_SECONDS_MAX = 5
_UNDER_WAY_SECONDS = 1  # of load before, between and after the kills
_TITLE = "events lost when server and PostgreSQL are killed under load"


@dataclass(slots=True)
class Stubborn:
    """Delivers to ``port`` on many connections; whoever gets no answer goes on with the next event."""

    port: int
    upcoming: Iterator[Delivery]
    acknowledged: set[str] = field(default_factory=set)
    unanswered: int = 0

    async def deliver(self) -> None:
        """Until it is canceled."""
        await asyncio.gather(*(self._connection() for _ in range(CONNECTIONS)))

    async def _connection(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            try:
                await self._deliver_over(reader, writer)
            except (OSError, EOFError, TimeoutError):
                self.unanswered += 1
            finally:
                writer.close()

    async def _deliver_over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for delivery in self.upcoming:
            writer.write(delivery.request)
            answer = b""
            while not is_complete(answer):
                received = await asyncio.wait_for(reader.read(4096), _SILENCE_SECONDS_MAX)
                if not received:
                    raise EOFError
                answer += received
            if answer.startswith(b"HTTP/1.1 200 "):
                self.acknowledged.add(delivery.event_id)
            else:
                self.unanswered += 1
                await asyncio.sleep(_AGAIN_SECONDS)
        await asyncio.sleep(_SILENCE_SECONDS_MAX)


async def killing(ground: Ground, effort: Effort, say: Say) -> list[Figure]:
    """Kill the server, PostgreSQL, and both at once; count what was acknowledged and what is stored."""
    say("killing server and PostgreSQL under load …")
    await ground.migrated(_DATABASE)
    try:
        stubborn = await _killed_under_load(ground)
    except NotServed as reason:
        return [Figure(_TITLE, "events", 0, missing=str(reason))]
    _, lost = await count_stored(ground.url(_DATABASE), stubborn.acknowledged)
    title = f"{_TITLE}: of {len(stubborn.acknowledged):,} acknowledged ({stubborn.unanswered:,} unanswered)"
    return [Figure(title, "events", 0, lost, missing=None if stubborn.acknowledged else "none was acknowledged")]


async def _killed_under_load(ground: Ground) -> Stubborn:
    deliveries = Sender(SECRET).deliveries(_DELIVERIES_MAX)
    with jobsphere_running(ground, _DATABASE, "--port", "0", "--no-worker") as first:
        port = str(first.port)
        stubborn = Stubborn(first.port, iter(deliveries))
        load = asyncio.create_task(stubborn.deliver())
        try:
            await asyncio.sleep(_UNDER_WAY_SECONDS)
            first.process.kill()
            first.process.wait()
            with jobsphere_running(ground, _DATABASE, "--port", port, "--no-worker") as second:
                await asyncio.sleep(_UNDER_WAY_SECONDS)
                await _kill_postgres(ground)
                await asyncio.sleep(2 * _UNDER_WAY_SECONDS)
                second.process.kill()
                await _kill_postgres(ground)
            with jobsphere_running(ground, _DATABASE, "--port", port, "--no-worker"):
                await asyncio.sleep(_UNDER_WAY_SECONDS)
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
    return stubborn


async def _kill_postgres(ground: Ground) -> None:
    """Its main process; the others end when they notice. Then start it again, as ``jobsphere serve`` would."""
    killed = _postgres_pid(ground)
    os.kill(killed, signal.SIGKILL)
    while _postgres_pid(ground) == killed:
        # It lives on for a moment, and then nothing is to be done yet.
        await asyncio.to_thread(ground.server.ensure_running)
        await asyncio.sleep(_AGAIN_SECONDS)


def _postgres_pid(ground: Ground) -> int:
    return int((ground.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
