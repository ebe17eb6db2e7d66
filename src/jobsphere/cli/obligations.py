"""``jobsphere obligations``: what is owed, how old it is, and what is over its limit."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from jobsphere.cli import stack
from jobsphere.clock import SystemClock
from jobsphere.database import reading
from jobsphere.observability import configure_logging
from jobsphere.reconciliation.standing import Standing, standings


def run(*, as_json: bool, all_: bool) -> int:
    """Print a line for each state that is not empty (``all_``: each); 1 if something is over its limit."""
    settings = stack.read_settings()
    configure_logging(level="WARNING")
    now = SystemClock().now()
    with stack.database(settings) as database:
        found = asyncio.run(_read(database.url, now))
    shown = [one for one in found if one.count or all_]
    if as_json:
        Console(soft_wrap=True).print_json(json.dumps([_as_json(one) for one in shown]))
    else:
        _print(shown, now)
    return 1 if any(one.over_limit for one in found) else 0


async def _read(url: str, now: datetime) -> Sequence[Standing]:
    engine = await stack.checked_engine(url)
    try:
        async with reading(engine) as connection:
            return await standings(connection, now)
    finally:
        await engine.dispose()


def _print(shown: Sequence[Standing], now: datetime) -> None:
    if not shown:
        Console().print("Nothing is owed.")
        return
    table = Table("what", "state", "count", "money", "oldest", "normal", "limit", "over", "next step")
    for one in shown:
        oldest = str(now - one.oldest_since).partition(".")[0] if one.oldest_since else ""
        money = ", ".join(str(sum_) for sum_ in one.sums.values())
        times = (oldest, str(one.row.normal), str(one.row.limit))
        over = f"[red]{one.over_limit}" if one.over_limit else ""
        table.add_row(one.kind, one.row.state.value, str(one.count), money, *times, over, one.row.next_step)
    Console().print(table)


def _as_json(one: Standing) -> dict[str, object]:
    return {
        "kind": one.kind,
        "state": one.row.state.value,
        "count": one.count,
        "oldest_since": one.oldest_since.isoformat() if one.oldest_since else None,
        "sums": {currency: sum_.to_major() for currency, sum_ in one.sums.items()},
        "over_limit": one.over_limit,
        "next_step": one.row.next_step,
    }
