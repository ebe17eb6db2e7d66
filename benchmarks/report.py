"""The table for people, and the same as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contest import Outcome, Series
from benchmarks.effort import Effort

NOT_YET = "dj-stripe's endpoint and the guide's handler as peers, all of it with 5 million postings preloaded"


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run found."""

    machine: Mapping[str, str]
    effort: Effort
    outcomes: Sequence[Outcome]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every row has its ratio."""
        return all(outcome.missing is None for outcome in self.outcomes)


def show(report: Report, console: Console) -> None:
    """Print it."""
    effort = report.effort
    table = Table(title=f"Medians of {effort.rounds} interleaved rounds of {effort.seconds} s ({effort.name} run)")
    table.add_column("what", overflow="fold")
    for heading in ("ratio", "rounds", "at least", "aim", "ours /s", "peer /s"):
        table.add_column(heading, justify="right")
    for outcome in report.outcomes:
        wanted = f"{outcome.row.at_least:g}", f"{outcome.row.aim:g}"
        table.add_row(outcome.row.title, *_ratio(outcome), *wanted, _rate(outcome.ours), _rate(outcome.peer))
    console.print(table)
    for outcome in report.outcomes:
        if outcome.missing:
            console.print(f"Not measured: {outcome.row.title}: {outcome.missing}", markup=False)
    console.print(f"Not measured yet: {NOT_YET}.")
    for name, value in report.machine.items():
        console.print(f"{name}: {value}", markup=False)
    console.print(f"The run took {report.seconds:.0f} s.")


def write(report: Report, file: Path) -> None:
    """As JSON, with every round."""
    content = {
        "machine": dict(report.machine),
        "effort": asdict(report.effort),
        "seconds": round(report.seconds, 1),
        "rows": [_as_json(outcome) for outcome in report.outcomes],
        "notMeasuredYet": NOT_YET,
    }
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _ratio(outcome: Outcome) -> tuple[str, str]:
    """The ratio, and the lowest and highest of the rounds."""
    if outcome.ratio is None:
        return "not measured", ""
    return f"{outcome.ratio:.3g}", f"{min(outcome.ratios):.3g} to {max(outcome.ratios):.3g}"


def _rate(series: Series) -> str:
    return f"{median(series.per_second):,.0f}" if series.per_second else "-"


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "what": outcome.row.title,
        "ratio": outcome.ratio,
        "ratios": list(outcome.ratios),
        "atLeast": outcome.row.at_least,
        "aim": outcome.row.aim,
        "ours": asdict(outcome.ours),
        "peer": asdict(outcome.peer),
        "missing": outcome.missing,
    }
