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
from jobsphere.webhooks import replay as again
from jobsphere.webhooks.replay import Selection

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


def replay(selection: Selection) -> None:
    """Let the worker process again what fits.

    Raises:
        ConfigurationError: nothing fits, or too much.
    """
    settings = stack.read_settings()

    async def work(engine: AsyncEngine) -> int:
        try:
            return await again.replay(
                engine, selection, actor_id=None, livemode=settings.live, now=SystemClock().now()
            )
        except again.EventNotParked as error:
            raise ConfigurationError("No such event can be replayed; see: jobsphere events parked") from error
        except again.NothingSelected as error:
            raise ConfigurationError("Name an event, --type, --since or --until") from error
        except again.TooManyEvents as error:
            message = f"More than {again.EVENTS_MAX} events fit; add --type, --since or --until"
            raise ConfigurationError(message) from error

    count = _with_engine(work)
    Console().print(f"{count} event{'s are' if count > 1 else ' is'} processed again by the worker.")


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
