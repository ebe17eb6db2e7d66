"""``jobsphere obligations``: what is owed, how old it is, and what is over its limit."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console

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
    console = Console(soft_wrap=True, highlight=False)
    if not shown:
        console.print("Nothing is owed.")
    for one in shown:
        console.print(f"{'[red]✗' if one.over_limit else '[green]✓'}[/] [bold]{one.kind}[/]: {_told(one, now)}")
        if one.count:
            console.print(f"    {one.row.next_step}", markup=False)


def _told(one: Standing, now: datetime) -> str:
    """How many are in the state, how much money that is, and how old the oldest is beside what is normal."""
    state = one.row.state.value.replace("_", " ")
    if one.oldest_since is None:
        return f"none {state}"
    money = "".join(f", {sum_}" for sum_ in one.sums.values())
    over = f", [red]{one.over_limit} over the limit[/]" if one.over_limit else ""
    ages = f"{_span(now - one.oldest_since)}, normal {_span(one.row.normal)}, limit {_span(one.row.limit)}"
    return f"{one.count} {state}{money}; the oldest for {ages}{over}"


def _span(span: timedelta) -> str:
    """In the largest unit that it has two of, as people say it: ``36 hours``."""
    for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if span >= timedelta(seconds=2 * seconds):
            return f"{span // timedelta(seconds=seconds)} {unit}"
    return f"{int(span.total_seconds())} seconds"


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
