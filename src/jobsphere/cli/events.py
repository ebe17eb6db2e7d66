"""``jobsphere events``: look after Stripe's events that could not be processed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.cli import stack
from jobsphere.clock import SystemClock
from jobsphere.database import reading
from jobsphere.observability import configure_logging
from jobsphere.settings import ConfigurationError
from jobsphere.webhooks import parked as inbox

T = TypeVar("T")


def parked() -> None:
    """List them."""

    async def work(engine: AsyncEngine) -> Table:
        table = Table("id", "event", "type", "received", "tries", "error")
        async with reading(engine) as connection:
            for event in await inbox.list_parked(connection, limit=100):
                received = event.received_at.isoformat(timespec="seconds")
                table.add_row(str(event.id), event.event_key, event.type, received, str(event.tries), event.error)
        return table

    Console().print(_with_engine(work))


def replay(event_id: int) -> None:
    """Let the worker process one again.

    Raises:
        ConfigurationError: it is not parked.
    """

    settings = stack.read_settings()

    async def work(engine: AsyncEngine) -> None:
        try:
            await inbox.replay(engine, event_id, actor_id=None, livemode=settings.live, now=SystemClock().now())
        except inbox.EventNotParked as error:
            raise ConfigurationError(
                f"Event {event_id} cannot be replayed; see: jobsphere events parked"
            ) from error

    _with_engine(work)
    Console().print(f"Event {event_id} is processed again by the worker.")


def _with_engine(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    async def run(url: str) -> T:
        engine = await stack.checked_engine(url)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    configure_logging(level="WARNING")
    with stack.database(stack.read_settings()) as database:
        return asyncio.run(run(database.url))
