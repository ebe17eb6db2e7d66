"""Contestants take turns, round after round, so that whatever disturbs the machine disturbs all of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.effort import Effort

Say = Callable[[str], None]


class CannotMeasure(Exception):
    """A contestant cannot run here, or its result proves nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``run`` works for about that many seconds and returns how many ``unit`` it did in each of them."""

    name: str
    unit: str
    run: Callable[[float], Awaitable[float]]


def absent(name: str, unit: str, reason: str) -> Contestant:
    """A contestant that could not even be prepared: the table says why."""

    async def refuse(_seconds: float) -> float:
        raise CannotMeasure(reason)

    return Contestant(name, unit, refuse)


@dataclass(frozen=True, slots=True)
class Series:
    """What a contestant reached in each round; ``missing`` says why it did not take part."""

    name: str
    unit: str
    per_second: Sequence[float] = ()
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: ``ours`` divided by ``peer``, and what we want it to be."""

    title: str
    ours: str
    peer: str
    at_least: float
    aim: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row measured: one ratio a round. ``missing`` says why there is none."""

    row: Row
    ours: Series
    peer: Series
    ratios: Sequence[float] = ()
    missing: str | None = None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds."""
        return median(self.ratios) if self.ratios else None


async def take_turns(contestants: Sequence[Contestant], effort: Effort, say: Say) -> dict[str, Series]:
    """Let all run in every round; whoever cannot is left out from then on, with the reason."""
    series = {contestant.name: Series(contestant.name, contestant.unit) for contestant in contestants}
    for number in range(1, effort.rounds + 1):
        for contestant in contestants:
            before = series[contestant.name]
            if before.missing is None:
                after = await _turn(contestant, before, effort.seconds)
                series[contestant.name] = after
                said = after.missing or f"{after.per_second[-1]:,.0f} {after.unit}/s"
                say(f"round {number} of {effort.rounds}: {contestant.name}: {said}")
    return series


async def _turn(contestant: Contestant, before: Series, seconds: float) -> Series:
    try:
        rate = await contestant.run(seconds)
    except CannotMeasure as reason:
        return Series(before.name, before.unit, missing=str(reason))
    return Series(before.name, before.unit, (*before.per_second, rate))


def outcomes(rows: Sequence[Row], series: Mapping[str, Series], void: str | None = None) -> list[Outcome]:
    """Each row with its ratios; ``void`` is why those of our own side do not count."""
    return [_outcome(row, series[row.ours], series[row.peer], void) for row in rows]


def _outcome(row: Row, ours: Series, peer: Series, void: str | None) -> Outcome:
    if missing := void or ours.missing or peer.missing:
        return Outcome(row, ours, peer, missing=missing)
    pairs = zip(ours.per_second, peer.per_second, strict=True)
    return Outcome(row, ours, peer, [mine / theirs for mine, theirs in pairs])
