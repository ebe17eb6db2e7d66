"""Questions to a database and to a sandbox, each over a connection of its own."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import httpx

# Making a client reads every certificate of the machine, which takes longer than asking. Whoever is asked may have
# been killed since, so no connection is kept.
_HTTP = httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What PostgreSQL answers whoever ``url`` signs in."""

    async def ask() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def control(sandbox_url: str, method: str, path: str, body: Any = None) -> Any:
    """What the sandbox's control interface answers."""
    answer = _HTTP.request(method, f"{sandbox_url}/_sandbox{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def stripe(
    sandbox_url: str, method: str, path: str, headers: Mapping[str, str], form: Mapping[str, str] | None
) -> httpx.Response:
    """What the sandbox answers as Stripe; the form goes where the method wants it."""
    return _HTTP.request(
        method,
        f"{sandbox_url}/v1{path}",
        headers=headers,
        data=form if method == "POST" else None,
        params=form if method != "POST" else None,
    )
