"""A load of requests on a JobSphere that is served, and a watch over its database transactions."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import httpx

AT_ONCE = 6
LOOK_SECONDS = 0.01
_IDLE = """
    SELECT extract(epoch FROM clock_timestamp() - state_change)::float8 AS seconds, query
    FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
    ORDER BY state_change LIMIT 1
"""


@dataclass(slots=True)
class Figures:
    """What a load met: how long each request took, what failed, and the longest idle database transaction.

    ``idle_after`` is the last statement of that one: what was done between it and the next took so long.
    """

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    idle_seconds_max: float = 0.0
    idle_after: str = ""

    def p99(self) -> float:
        """The time within which 99 of 100 requests were answered, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[(len(ordered) * 99) // 100 - 1]


Ask = Callable[..., Awaitable[httpx.Response]]


def asker(http: httpx.AsyncClient, token: str) -> Ask:
    """Asks as whoever the token signs in."""

    async def ask(method: str, path: str, body: Any = None) -> httpx.Response:
        return await http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})

    return ask


async def unrelated(ask: Ask, contractor_id: str, seconds: float) -> Figures:
    """What people do that needs nothing of Stripe, for so long, ``AT_ONCE`` of them."""
    figures, until = Figures(), time.monotonic() + seconds

    async def person() -> None:
        job: dict[str, Any] = (await ask("POST", "/api/jobs", {"title": "Paint the fence"})).json()["data"]["job"]
        offer = {"jobId": job["id"], "contractorId": contractor_id, "amount": "0.10"}
        deeds: tuple[tuple[str, str, Any], ...] = (
            ("GET", "/api/wallet", None),
            ("GET", "/api/jobs", None),
            ("POST", "/api/jobs", {"title": "Paint the fence"}),
            ("GET", "/api/notifications", None),
            ("POST", "/api/offers", offer),
            ("GET", "/api/wallet/transactions", None),
        )
        for method, path, body in itertools.cycle(deeds):
            if time.monotonic() > until:
                return
            await _timed(figures, ask, method, path, body)

    await asyncio.gather(*(person() for _ in range(AT_ONCE)))
    return figures


async def _timed(figures: Figures, ask: Ask, method: str, path: str, body: Any) -> None:
    began = time.monotonic()
    try:
        answer = await ask(method, path, body)
    except httpx.HTTPError as error:
        figures.failed.append(f"{method} {path}: {type(error).__name__}")
        return
    figures.seconds.append(time.monotonic() - began)
    if not answer.is_success:
        figures.failed.append(f"{method} {path}: {answer.status_code} {answer.text}")


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Figures]:
    """Looks at PostgreSQL as a superuser, a hundred times a second, for as long as the block runs."""
    figures = Figures()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))

    async def look() -> None:
        while True:
            longest = await connection.fetchrow(_IDLE)
            if longest is not None and longest["seconds"] > figures.idle_seconds_max:
                figures.idle_seconds_max, figures.idle_after = longest["seconds"], longest["query"]
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield figures
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await connection.close()
