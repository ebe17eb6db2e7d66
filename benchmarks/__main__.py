"""``python -m benchmarks``: measure, print the table, write it as JSON."""

import asyncio
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

import benchmarks.ledger.compare
import benchmarks.offers.compare
import benchmarks.sandbox.compare
import benchmarks.webhooks.compare
import benchmarks.worker.compare
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.ground import open_ground
from benchmarks.machine import describe
from benchmarks.report import Report, show, write
from jobsphere.observability import configure_logging


class Part(StrEnum):
    """What can be measured alone."""

    LEDGER = "ledger"
    WEBHOOKS = "webhooks"
    WORKER = "worker"
    OFFERS = "offers"
    SANDBOX = "sandbox"


COMPARISONS = {
    Part.LEDGER: benchmarks.ledger.compare.compare,
    Part.WEBHOOKS: benchmarks.webhooks.compare.compare,
    Part.WORKER: benchmarks.worker.compare.compare,
    Part.OFFERS: benchmarks.offers.compare.compare,
    Part.SANDBOX: benchmarks.sandbox.compare.compare,
}


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="Short rounds: to try it out, not to quote.")] = False,
    only: Annotated[list[Part] | None, typer.Option(help="Measure this alone; may be given repeatedly.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result there.")] = None,
) -> None:
    """Compare JobSphere with its peers on a PostgreSQL of its own. Exit 1 if a row could not be measured."""
    configure_logging(level="WARNING")
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(_measure(only or list(Part), QUICK if quick else FULL, progress))
    show(report, Console(highlight=False, width=118))
    if json_file is not None:
        write(report, json_file)
    raise typer.Exit(0 if report.complete else 1)


async def _measure(parts: list[Part], effort: Effort, progress: Console) -> Report:
    started = time.monotonic()

    def say(text: str) -> None:
        progress.print(f"{time.monotonic() - started:5.0f} s  {text}", markup=False)

    with open_ground() as ground:
        machine = await describe(ground)
        found = [outcome for part in parts for outcome in await COMPARISONS[part](ground, effort, say)]
    return Report(machine, effort, found, time.monotonic() - started)


app()
