"""A webhook receiver that keeps what it was sent and answers what it is told."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import stripe

SECRET = "whsec_for_the_tests"


@dataclass
class Receiver:
    """Listens on a loopback port; ``received`` holds headers and raw body of every delivery."""

    url: str = ""
    status: int = 200
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        """What arrived, as events, each signature verified by the SDK."""
        for headers, body in self.received:
            stripe.WebhookSignature.verify_header(body.decode(), headers["stripe-signature"], SECRET, 300)
        return [json.loads(body) for _, body in self.received]

    def types(self) -> list[str]:
        """The types of what arrived, in order of arrival."""
        return [event["type"] for event in self.events()]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request per connection; one that the sender gave up half-way counts for nothing."""
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._take(reader, writer)
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append((headers, body))
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % self.status)
        await writer.drain()
