"""What several requests ask for at the same time is done together, each gets its own result (ADR 19 and 23)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

TOGETHER_MAX = 64


class Gathering(Generic[T, R]):
    """Does together what arrived while the last ones were done: nobody waits for company.

    ``together`` gets one or more, and gives a result for each, in their order. What it raises, each of them hears.
    """

    def __init__(
        self, together: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, at_most: int = TOGETHER_MAX
    ) -> None:
        self._together = together
        self._at_most = at_most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._doing: asyncio.Task[None] | None = None

    async def do(self, one: T) -> R:
        """The result for ``one``. It is done even if who asked goes away meanwhile."""
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, result))
        if self._doing is None:
            # In a context of its own: the work of many belongs to none of their requests.
            self._doing = asyncio.create_task(self._do_waiting(), context=Context())
        return await result

    async def _do_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
                await self._do(batch)
        finally:
            self._doing = None

    async def _do(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._together([one for one, _ in batch])
        except Exception as error:  # whatever it is, each request must hear of it
            for _, result in batch:
                if not result.done():
                    result.set_exception(error)
            return
        for (_, result), given in zip(batch, results, strict=True):
            if not result.done():
                result.set_result(given)
