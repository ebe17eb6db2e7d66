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
from benchmarks.figure import Figure

Finding = Outcome | Figure


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run found, in the order in which it is shown; ``left_out`` says what it did not look at."""

    machine: Mapping[str, str]
    effort: Effort
    findings: Sequence[Finding]
    seconds_by_part: Mapping[str, float]
    left_out: Sequence[str] = ()

    @property
    def outcomes(self) -> Sequence[Outcome]:
        return [one for one in self.findings if isinstance(one, Outcome)]

    @property
    def figures(self) -> Sequence[Figure]:
        return [one for one in self.findings if isinstance(one, Figure)]

    @property
    def complete(self) -> bool:
        """Whether every row has its ratio, and every figure its value."""
        return all(finding.missing is None for finding in self.findings)


def show(report: Report, console: Console) -> None:
    """Print it."""
    effort = report.effort
    table = Table(title=f"Medians of {effort.rounds} interleaved rounds of {effort.seconds} s ({effort.name} run)")
    table.add_column("what", overflow="fold")
    for heading in ("ratio", "rounds", "wanted", "aim", "ours /s", "peer /s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for outcome in report.outcomes:
        table.add_row(*_shown_ratio(outcome))
    table.add_section()
    for figure in report.figures:
        table.add_row(*_shown_figure(figure))
    console.print(table)
    _say_what_is_missing(report, console)
    for name, value in report.machine.items():
        console.print(f"{name}: {value}", markup=False)
    parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in report.seconds_by_part.items())
    console.print(f"The run took {sum(report.seconds_by_part.values()):.0f} s: {parts}.")


def _say_what_is_missing(report: Report, console: Console) -> None:
    for finding in report.findings:
        if finding.missing:
            title = finding.row.title if isinstance(finding, Outcome) else finding.title
            console.print(f"Not measured: {title}: {finding.missing}", markup=False)
    for what in report.left_out:
        console.print(f"Left out: {what}", markup=False)


def write(report: Report, file: Path) -> None:
    """As JSON, with every round."""
    content = {
        "machine": dict(report.machine),
        "effort": asdict(report.effort),
        "seconds": {name: round(seconds, 1) for name, seconds in report.seconds_by_part.items()},
        "rows": [_ratio_as_json(outcome) for outcome in report.outcomes],
        "figures": [asdict(figure) | {"verdict": verdict(figure)} for figure in report.figures],
        "leftOut": list(report.left_out),
    }
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def verdict(finding: Finding) -> str:
    """How it stands to what is wanted."""
    if isinstance(finding, Figure):
        if finding.missing or finding.value is None:
            return "not measured"
        return "pass" if finding.value <= finding.at_most else "ABOVE"
    if finding.ratio is None:
        return "not measured"
    if finding.ratio >= finding.row.aim:
        return "pass, aim"
    return "pass" if finding.ratio >= finding.row.at_least else "BELOW"


def _shown_ratio(outcome: Outcome) -> tuple[str, ...]:
    wanted = f"≥ {outcome.row.at_least:g}", f"{outcome.row.aim:g}"
    rates = _rate(outcome.ours), _rate(outcome.peer)
    if outcome.ratio is None:
        return (outcome.row.title, "-", "", *wanted, *rates, verdict(outcome))
    rounds = f"{min(outcome.ratios):.3g} to {max(outcome.ratios):.3g}"
    return (outcome.row.title, f"{outcome.ratio:.3g}", rounds, *wanted, *rates, verdict(outcome))


def _shown_figure(figure: Figure) -> tuple[str, ...]:
    value = "-" if figure.value is None else f"{figure.value:,.3g} {figure.unit}"
    return (figure.title, value, "", f"≤ {figure.at_most:g} {figure.unit}", "", "", "", verdict(figure))


def _rate(series: Series) -> str:
    return f"{median(series.per_second):,.0f}" if series.per_second else "-"


def _ratio_as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "what": outcome.row.title,
        "ratio": outcome.ratio,
        "ratios": list(outcome.ratios),
        "atLeast": outcome.row.at_least,
        "aim": outcome.row.aim,
        "verdict": verdict(outcome),
        "ours": asdict(outcome.ours),
        "peer": asdict(outcome.peer),
        "missing": outcome.missing,
    }
