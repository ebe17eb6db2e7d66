"""``jobsphere withdrawals pause`` and ``resume``: the kill switch, for whoever is at the server."""

import asyncio

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.cli import stack
from jobsphere.clock import SystemClock
from jobsphere.database import in_own_transaction
from jobsphere.observability import configure_logging
from jobsphere.withdrawals import switch


def turn(*, is_on: bool, reason: str) -> None:
    """Stop new withdrawals in every process, or let them in again. Those under way go on to their end."""
    settings = stack.read_settings()
    configure_logging(level="WARNING")
    with stack.database(settings) as database:
        asyncio.run(_turn(database.url, is_on, reason))
    typer.echo("New withdrawals are refused." if is_on else "New withdrawals are taken.")


async def _turn(url: str, is_on: bool, reason: str) -> None:
    engine = await stack.checked_engine(url)
    try:
        await _store(engine, is_on, reason)
    finally:
        await engine.dispose()


@in_own_transaction
async def _store(connection: AsyncConnection, is_on: bool, reason: str) -> None:
    await switch.turn(connection, is_on=is_on, reason=reason, actor_id=None, now=SystemClock().now())
