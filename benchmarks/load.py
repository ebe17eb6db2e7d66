"""A load generator that costs the machine little: ready-made requests over connections that stay open."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from benchmarks.contest import CannotMeasure
from benchmarks.webhooks.deliveries import Delivery

CONNECTIONS = 64
_LATE_SECONDS_MAX = 30  # for the answers still under way when time is up
_TICK_SECONDS = 0.001
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """Sends one request at a time; calls ``answered`` when the answer is complete, and is 200 or 201."""

    def __init__(self, answered: Callable[["Connection"], None]) -> None:
        self.answered = answered
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.WriteTransport
        self.event_id = ""
        self.due = 0.0
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports do not derive from asyncio's.
        self.transport = cast(asyncio.WriteTransport, transport)

    def send(self, delivery: Delivery, due: float = 0.0) -> None:
        self.event_id, self.due = delivery.event_id, due
        self.transport.write(delivery.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not is_complete(self.answer):
            return
        if not self.answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
            self.finish(CannotMeasure(f"the answer was {self.answer[:200].decode(errors='replace')}"))
            return
        self.answer = b""
        self.answered(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.finish(CannotMeasure(f"the connection was closed ({error})"))

    def finish(self, failure: CannotMeasure | None = None) -> None:
        """Nothing more is to be sent."""
        if self.over.done():
            return
        if failure is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(failure)
        self.transport.close()


def is_complete(answer: bytes) -> bool:
    """Whether all of an HTTP answer is there; one that does not tell its length is complete with its head."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(blank) and (length is None or len(body) >= int(length[1]))


@dataclass(frozen=True, slots=True)
class Answered:
    """Which events were acknowledged, in how many seconds."""

    event_ids: list[str]
    seconds: float


async def deliver(port: int, deliveries: Iterable[Delivery], seconds: float) -> Answered:
    """Send to the loopback address for ``seconds``, or until all are delivered: each connection as soon as it can.

    Raises:
        CannotMeasure: an answer was neither 200 nor 201, or did not come.
    """
    upcoming = iter(deliveries)
    acknowledged: list[str] = []

    def send_next(connection: Connection) -> None:
        delivery = next(upcoming, None) if time.perf_counter() < deadline else None
        if delivery is None:
            connection.finish()
        else:
            connection.send(delivery)

    def answered(connection: Connection) -> None:
        acknowledged.append(connection.event_id)
        send_next(connection)

    connections = await _connected(port, answered)
    started = time.perf_counter()
    deadline = started + seconds
    for connection in connections:
        send_next(connection)
    await _until_over(connections, seconds)
    return Answered(acknowledged, time.perf_counter() - started)


@dataclass(slots=True)
class _Schedule:
    """Requests that are due at fixed times, whether or not earlier ones were answered."""

    upcoming: Iterator[Delivery]
    idle: list[Connection] = field(default_factory=list)
    late: deque[tuple[Delivery, float]] = field(default_factory=deque)
    seconds: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def send(self, due: float) -> None:
        delivery = next(self.upcoming)
        if self.idle:
            self.idle.pop().send(delivery, due)
        else:
            self.late.append((delivery, due))

    def answered(self, connection: Connection) -> None:
        self.seconds.append(time.perf_counter() - connection.due)
        self.acknowledged.append(connection.event_id)
        if self.late:
            connection.send(*self.late.popleft())
        else:
            self.idle.append(connection)


async def deliver_evenly(
    port: int, deliveries: Iterable[Delivery], *, per_second: float, seconds: float
) -> tuple[list[float], list[str]]:
    """How long after it was due each request was answered, and the events acknowledged.

    Raises:
        CannotMeasure: as ``deliver``.
    """
    schedule = _Schedule(iter(deliveries))
    connections = await _connected(port, schedule.answered)
    schedule.idle.extend(connections)
    started, sent, total = time.perf_counter(), 0, round(per_second * seconds)
    while sent < total:
        due = min(total, int((time.perf_counter() - started) * per_second))
        for number in range(sent, due):
            schedule.send(started + number / per_second)
        sent = due
        await asyncio.sleep(_TICK_SECONDS)
    give_up = time.perf_counter() + _LATE_SECONDS_MAX
    while len(schedule.idle) < len(connections) and time.perf_counter() < give_up:
        if any(connection.over.done() for connection in connections):
            break
        await asyncio.sleep(_TICK_SECONDS)
    for connection in schedule.idle:
        connection.finish()
    await _until_over(connections, 0)
    return schedule.seconds, schedule.acknowledged


async def _connected(port: int, answered: Callable[[Connection], None]) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]


async def _until_over(connections: Iterable[Connection], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds + _LATE_SECONDS_MAX):
            await asyncio.gather(*(connection.over for connection in connections))
    except TimeoutError as error:
        raise CannotMeasure(f"some answers did not come within {_LATE_SECONDS_MAX} s") from error
    finally:
        for connection in connections:
            connection.transport.close()
