"""``python -m benchmarks``: measure, print the table, write it as JSON."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

import benchmarks.deposits.compare
import benchmarks.figures.measure
import benchmarks.growth.compare
import benchmarks.ledger.compare
import benchmarks.offers.compare
import benchmarks.sandbox.compare
import benchmarks.webhooks.compare
import benchmarks.worker.compare
from benchmarks.contest import Say
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.ground import Ground, open_ground
from benchmarks.machine import describe
from benchmarks.report import Finding, Report, show, write
from jobsphere.observability import configure_logging

_WIDTH = 132
_FOREIGN = "the guide's handler in Node and dj-stripe's endpoint, with the rows that they are the peers of"


class Part(StrEnum):
    """What can be measured alone."""

    LEDGER = "ledger"  # entries recorded, against pgbench and a naive ledger
    WEBHOOKS = "webhooks"  # events acknowledged, against a constant and dj-stripe
    WORKER = "worker"  # deposits settled out of a full inbox, against pgbench
    DEPOSITS = "deposits"  # from webhook to credited wallet, against the guide's handler
    OFFERS = "offers"  # offers sent over HTTP, against pgbench
    SANDBOX = "sandbox"  # payments at the sandbox, against a constant
    GROWTH = "growth"  # each of ours with millions of postings there, against itself without
    FIGURES = "figures"  # start-up, promptness and what is lost when processes are killed


Measure = Callable[[Ground, Effort, Say], Awaitable[Sequence[Finding]]]

MEASURES: Mapping[Part, Measure] = {
    Part.LEDGER: benchmarks.ledger.compare.compare,
    Part.WEBHOOKS: benchmarks.webhooks.compare.compare,
    Part.WORKER: benchmarks.worker.compare.compare,
    Part.DEPOSITS: benchmarks.deposits.compare.compare,
    Part.OFFERS: benchmarks.offers.compare.compare,
    Part.SANDBOX: benchmarks.sandbox.compare.compare,
    Part.GROWTH: benchmarks.growth.compare.compare,
    # Last, because it kills PostgreSQL.
    Part.FIGURES: benchmarks.figures.measure.measure,
}


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="Short rounds: to try it out, not to quote.")] = False,
    peers: Annotated[
        bool | None, typer.Option(help="Node's and dj-stripe's part; left out of quick runs unless named.")
    ] = None,
    only: Annotated[list[Part] | None, typer.Option(help="Measure this alone; may be given repeatedly.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result there.")] = None,
) -> None:
    """Compare JobSphere with its peers on a PostgreSQL of its own. Exit 1 if a row could not be measured."""
    configure_logging(level="WARNING")
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    parts = [part for part in Part if not only or part in only]
    effort = replace(QUICK if quick else FULL, foreign_peers=peers if peers is not None else not quick)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(_measure(parts, effort, progress))
    show(report, Console(highlight=False, width=_WIDTH))
    if json_file is not None:
        write(report, json_file)
    raise typer.Exit(0 if report.complete else 1)


async def _measure(parts: Sequence[Part], effort: Effort, progress: Console) -> Report:
    started = time.monotonic()

    def say(text: str) -> None:
        progress.print(f"{time.monotonic() - started:5.0f} s  {text}", markup=False)

    findings: list[Finding] = []
    seconds: dict[str, float] = {}
    with open_ground() as ground:
        machine = await describe(ground)
        for part in parts:
            began = time.monotonic()
            findings.extend(await MEASURES[part](ground, effort, say))
            seconds[part.value] = time.monotonic() - began
    left_out = [] if effort.foreign_peers else [_FOREIGN]
    return Report(machine, effort, findings, seconds, left_out)


app()
