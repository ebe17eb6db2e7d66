"""``python -m benchmarks``: measure, print the table, write it as JSON."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

import benchmarks.ledger.compare
import benchmarks.sandbox.compare
import benchmarks.webhooks.compare
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.ground import open_ground
from benchmarks.machine import describe
from benchmarks.report import Report, show, write
from jobsphere.observability import configure_logging

COMPARISONS = (
    benchmarks.ledger.compare.compare,
    benchmarks.webhooks.compare.compare,
    benchmarks.sandbox.compare.compare,
)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="Short rounds: to try it out, not to quote.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result there.")] = None,
) -> None:
    """Compare JobSphere with its peers on a PostgreSQL of its own. Exit 1 if a row could not be measured."""
    configure_logging(level="WARNING")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(
            _measure(QUICK if quick else FULL, Console(stderr=True, highlight=False, soft_wrap=True))
        )
    show(report, Console(highlight=False))
    if json_file is not None:
        write(report, json_file)
    raise typer.Exit(0 if report.complete else 1)


async def _measure(effort: Effort, progress: Console) -> Report:
    started = time.monotonic()

    def say(text: str) -> None:
        progress.print(f"{time.monotonic() - started:5.0f} s  {text}", markup=False)

    with open_ground() as ground:
        machine = await describe(ground)
        found = [outcome for compare in COMPARISONS for outcome in await compare(ground, effort, say)]
    return Report(machine, effort, found, time.monotonic() - started)


app()
