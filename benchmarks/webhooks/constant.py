"""The least that uvicorn can serve: one answer to everything, without looking at the request."""

from collections.abc import Awaitable, Callable
from typing import Any

_BODY = b'{"received":true}'
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
}
_END = {"type": "http.response.body", "body": _BODY}


async def app(_scope: Any, _receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """An ASGI application for HTTP only."""
    await send(_START)
    await send(_END)
