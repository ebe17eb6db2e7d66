"""The same loop for every ledger: callers that post one batch after the other until time is up."""

import asyncio
import time
from collections.abc import Awaitable, Callable

Post = Callable[[], Awaitable[int]]


async def rate(post: Post, *, callers: int, seconds: float) -> float:
    """How many entries a second ``callers`` record; ``post`` records some and returns how many."""
    started = time.perf_counter()
    counts = await asyncio.gather(*(_until(post, started + seconds) for _ in range(callers)))
    # Each finishes what it began, so the time is taken after the last.
    return sum(counts) / (time.perf_counter() - started)


async def _until(post: Post, deadline: float) -> int:
    count = 0
    while time.perf_counter() < deadline:
        count += await post()
    return count
