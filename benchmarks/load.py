"""A load generator that costs the machine little: ready-made requests over connections that stay open."""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from benchmarks.contest import CannotMeasure
from benchmarks.webhooks.deliveries import Delivery

CONNECTIONS = 64
_LATE_SECONDS_MAX = 30  # for the answers still under way when time is up
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass(slots=True)
class Load:
    """What was acknowledged so far; one request at a time on each connection until ``deadline``."""

    deliveries: Iterator[Delivery]
    deadline: float = 0.0
    acknowledged: list[str] = field(default_factory=list)  # event ids


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.WriteTransport
        self.event_id = ""
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports do not derive from asyncio's.
        self.transport = cast(asyncio.WriteTransport, transport)

    def send_next(self) -> None:
        delivery = next(self.load.deliveries, None) if time.perf_counter() < self.load.deadline else None
        if delivery is None:
            self._finish(None)
            return
        self.event_id = delivery.event_id
        self.transport.write(delivery.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, blank, body = self.answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not blank or (length is not None and len(body) < int(length[1])):
            return
        if length is None or not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")):
            self._finish(CannotMeasure(f"the answer was {self.answer[:200].decode(errors='replace')}"))
            return
        self.answer = b""
        self.load.acknowledged.append(self.event_id)
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        self._finish(CannotMeasure(f"the connection was closed ({error})"))

    def _finish(self, failure: CannotMeasure | None) -> None:
        if self.over.done():
            return
        if failure is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(failure)
        self.transport.close()


@dataclass(frozen=True, slots=True)
class Answered:
    """Which events were acknowledged, in how many seconds."""

    event_ids: list[str]
    seconds: float


async def deliver(port: int, deliveries: Iterable[Delivery], seconds: float) -> Answered:
    """Send to the loopback address for ``seconds``, or until all are delivered.

    Raises:
        CannotMeasure: an answer was neither 200 nor 201, or did not come.
    """
    load = Load(iter(deliveries))
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port) for _ in range(CONNECTIONS)
    ]
    started = time.perf_counter()
    load.deadline = started + seconds
    for _, connection in pairs:
        connection.send_next()
    try:
        async with asyncio.timeout(seconds + _LATE_SECONDS_MAX):
            await asyncio.gather(*(connection.over for _, connection in pairs))
    except TimeoutError as error:
        raise CannotMeasure(f"some answers did not come within {_LATE_SECONDS_MAX} s") from error
    finally:
        for transport, _ in pairs:
            transport.close()
    return Answered(load.acknowledged, time.perf_counter() - started)
