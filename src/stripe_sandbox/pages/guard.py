"""Keeping the pages of other websites out: a browser on this machine reaches the sandbox for them as well."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READING = ("GET", "HEAD", "OPTIONS")


def guarded(application: ASGIApp, *, loopback_only: bool) -> ASGIApp:
    """The application for requests of programs, and of pages of its own; others are refused with 403.

    A browser says where a request that changes something comes from. With ``loopback_only`` the name that the
    sandbox was asked by must be one of this machine: another one means that a website let its name lead here.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope, loopback_only=loopback_only) if scope["type"] == "http" else None
        answer = JSONResponse({"error": refusal}, status_code=403) if refusal else application
        await answer(scope, receive, send)

    return guard


def _refusal(scope: Scope, *, loopback_only: bool) -> str | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if loopback_only and not _is_here(host):
        return f"The sandbox listens on this machine only and is not called {host[:100]}."
    if scope["method"] in READING:
        return None
    origin = headers.get("origin")
    own_page = headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    if not own_page or origin not in (None, f"{scope['scheme']}://{host}"):
        return "Pages of other websites may not change anything here."
    return None


def _is_here(host: str) -> bool:
    """Whether this is a name of the machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
