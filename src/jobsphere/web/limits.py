"""Limits on what a request may bring: its body is never read further than it may be long."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES_MAX = 64 * 1024
WEBHOOK_BODY_BYTES_MAX = 1024 * 1024
_WEBHOOKS = "/api/webhooks/"


class BodyTooLarge(Exception):
    """The body is longer than ``bytes_max``."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"a body of more than {bytes_max} bytes")
        self.bytes_max = bytes_max


class BodyLimit:
    """Refuses a body by the length it declares before the route runs, and by what arrives otherwise.

    Raises:
        BodyTooLarge: from the call itself, or out of ``receive`` where the route reads the body.
    """

    # Starlette has such a middleware, but it lets a route that reads no body do its work first and
    # then answers 413: money would have moved under an error.

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bytes_max = _bytes_max(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        # Nobody may send more than 18 digits' worth of bytes, and int() refuses very many of them.
        if len(declared) > 18 or not declared.isdecimal() or int(declared) > bytes_max:
            raise BodyTooLarge(bytes_max)
        await self.app(scope, _counting(receive, bytes_max), send)


def _bytes_max(path: str) -> int:
    return WEBHOOK_BODY_BYTES_MAX if path.startswith(_WEBHOOKS) else BODY_BYTES_MAX


def _counting(receive: Receive, bytes_max: int) -> Receive:
    received = 0

    async def receive_counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise BodyTooLarge(bytes_max)
        return message

    return receive_counted
