"""The crash matrix: every crash point of a flow, by whatever is killed there, by whatever goes wrong at Stripe.

Each cell is a world of real processes: ``serve --no-worker`` beside ``worker`` on a PostgreSQL of their own. A
process stands still at a crash point, one of the three is killed and started again, and all must end as if
nothing had been::

    make crash-matrix                      # all of it
    make crash-matrix MATRIX="--flow withdrawal --cells 40"
    make crash-cards                       # deposits, refunds and disputes, by SIGKILL of whoever stands there
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from jobsphere.embedded_postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE, Databases, databases_of
from tests.processes import flows
from tests.processes.books import Outcome, outcome
from tests.processes.matrix_flows import MATRIX, OF_CARDS, MatrixFlow
from tests.processes.split_world import SplitWorld, Victim
from tests.processes.starting import Starter
from tests.processes.world import Saved, World

# What goes wrong once at each of a flow's calls; None: nothing.
FAULTS = (None, "timeout_before", "timeout_after", "error_after", "drop_after", "rate_limit", "conflict")
SUCCESS = "success"
VICTIMS = (Victim.WORKER, Victim.SERVER, Victim.POSTGRES)
LANES = 2
MINUTES_MAX = 40
# A server that is killed keeps what it handed to the operating system, so it needs no fsync; but COMMIT must have
# handed it over before it answers (synchronous_commit, which is PostgreSQL's own default).
_POSTGRES = {"fsync": "off", "full_page_writes": "off"}
_BEGINNINGS = {
    "people": flows.register,
    "earned": flows.earn,
    "onboarded": flows.onboard,
    "administered": flows.appoint,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """In ``flow``, with ``fault`` at each of its calls, ``victim`` is killed at the first pass of ``point``."""

    flow: str
    fault: str | None
    victim: Victim
    point: str

    def __str__(self) -> str:
        return f"{self.flow}, {self.fault or SUCCESS}, {self.victim} {self.point}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a cell: ``breaches`` is empty where all is as it must be."""

    cell: Cell
    breaches: tuple[str, ...]
    # Whether the point was passed at all; by chance an event may be quicker than the answer that passes it.
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Lane:
    """A PostgreSQL and saved worlds for one cell after another; what is killed in it hurts no other lane."""

    folder: Path
    postgres: EmbeddedPostgres
    databases: Databases
    starter: Starter
    worlds: Mapping[str, Saved]

    def record(self, flow: str, fault: str | None) -> tuple[Outcome, list[str]]:
        """How the flow ends when nothing is killed, and the crash points that it passes, each once, in order."""
        with self.world(flow) as world:
            play_in(world, MATRIX[flow], fault)
            points = [point for point in world.passed if point.startswith(MATRIX[flow].points)]
            return outcome(world), list(dict.fromkeys(points))

    def try_out(self, cell: Cell, wanted: Outcome) -> Result:
        """Play the cell, and compare how it ends."""
        try:
            with self.world(cell.flow, f"{cell.point}:1", cell.victim) as world:
                play_in(world, MATRIX[cell.flow], cell.fault)
                return Result(cell, tuple(_breaches(world, MATRIX[cell.flow], wanted)), world.struck)
        except Exception:
            return Result(cell, (traceback.format_exc(),))

    def world(self, flow: str, crash_at: str | None = None, victim: Victim = Victim.WORKER) -> SplitWorld:
        """A world in which the flow can begin; at ``crash_at`` (``point:1``) the victim is killed."""
        return SplitWorld(
            self.folder / "world",
            self.databases,
            self.starter,
            self.worlds[MATRIX[flow].begins_with],
            crash_at,
            postgres=self.postgres,
            postgres_home=self.folder / "home",
            victim=victim,
        )


def play_in(world: World, flow: MatrixFlow, fault: str | None) -> None:
    """Play until nothing is left to do; ``fault`` happens once at each of the flow's calls."""
    if fault is not None:
        world.plan_faults(*({"match": call, "kind": fault} for call in flow.calls))
    world.watch()
    flow.play(world)
    world.settle()


def _breaches(world: World, flow: MatrixFlow, wanted: Outcome) -> list[str]:
    ended = outcome(world)
    differing = [name for name in Outcome.__slots__ if getattr(ended, name) != getattr(wanted, name)]
    told = [f"{name}: {getattr(ended, name)} instead of {getattr(wanted, name)}" for name in differing]
    return told + flow.breaches(world)


@contextmanager
def lane(place: Path) -> Iterator[Lane]:
    """A lane in a folder of its own below ``place``."""
    folder = Path(tempfile.mkdtemp(prefix="lane-", dir=place))
    folder.chmod(0o711)
    starter, postgres = Starter(folder), EmbeddedPostgres(folder / "home", settings=_POSTGRES)
    try:
        with postgres as cluster:
            databases = databases_of(cluster, folder / "home")
            yield Lane(folder, postgres, databases, starter, _saved(folder, databases, starter))
    finally:
        starter.close()
        shutil.rmtree(folder)


def _saved(folder: Path, databases: Databases, starter: Starter) -> Mapping[str, Saved]:
    saved = Saved(TEMPLATE)
    worlds = {}
    for name, step in _BEGINNINGS.items():
        with World(folder / name, databases, starter, saved) as world:
            step(world)
            world.settle()
            saved = worlds[name] = world.save()
    return worlds


def cells_of(
    lane_: Lane,
    names: Iterable[str],
    faults: Sequence[str | None] = FAULTS,
    victims: Sequence[Victim] = VICTIMS,
    *,
    each_point_once: bool = False,
) -> tuple[list[Cell], dict[str, Outcome]]:
    """Every cell of these flows, and how each flow ends without trouble. The same trouble must end in the same.

    With ``each_point_once`` a point is not played again in another flow of the same kind, such as deposits.
    """
    cells: list[Cell] = []
    wanted: dict[str, Outcome] = {}
    known: set[tuple[str, str | None, str]] = set()
    for name in names:
        for fault in [one for one in faults if one is None or MATRIX[name].calls]:
            ended, points = lane_.record(name, fault)
            assert ended == wanted.setdefault(name, ended), f"{name} ends differently with {fault}"
            kind = name.split()[0]
            if each_point_once:
                points = [point for point in points if (kind, fault, point) not in known]
            known.update((kind, fault, point) for point in points)
            cells += [Cell(name, fault, victim, point) for point in points for victim in victims]
    return cells, wanted


def sample(cells: list[Cell], size: int, seed: int) -> list[Cell]:
    """``size`` cells: each fault and each victim as often as the others, points as they come."""
    groups: dict[tuple[str | None, Victim], list[Cell]] = defaultdict(list)
    for cell in random.Random(seed).sample(cells, len(cells)):
        groups[cell.fault, cell.victim].append(cell)
    chosen: list[Cell] = []
    # Along the diagonal, so that few cells already have every fault and every victim.
    order = sorted(groups, key=lambda group: (_diagonal(group), FAULTS.index(group[0])))
    while len(chosen) < min(size, len(cells)):
        for group in order:
            if groups[group] and len(chosen) < size:
                chosen.append(groups[group].pop())
    return chosen


def _diagonal(group: tuple[str | None, Victim]) -> int:
    return (FAULTS.index(group[0]) + list(Victim).index(group[1])) % len(VICTIMS)


def play(
    lanes: list[Lane], cells: list[Cell], wanted: Mapping[str, Outcome], *, seconds_max: float
) -> list[Result]:
    """Play the cells in all lanes at once; what is not begun when the time is over is left out."""
    waiting: SimpleQueue[Cell] = SimpleQueue()
    for cell in cells:
        waiting.put(cell)
    results: list[Result] = []
    ends_at = time.monotonic() + seconds_max

    def run(lane_: Lane) -> None:
        while time.monotonic() < ends_at:
            try:
                cell = waiting.get_nowait()
            except Empty:
                return
            results.append(lane_.try_out(cell, wanted[cell.flow]))
            _say(f"{len(results)}/{len(cells)} {'FAILED' if results[-1].breaches else 'ok'} {cell}")

    with ThreadPoolExecutor(len(lanes)) as pool:
        for done in [pool.submit(run, lane_) for lane_ in lanes]:
            done.result()
    return results


def table(results: Iterable[Result]) -> str:
    """A line for each point, a column for each fault; in it a letter for each victim, ``!`` where it failed."""
    known: dict[tuple[str, str], dict[tuple[str | None, Victim], Result]] = defaultdict(dict)
    for result in results:
        known[result.cell.flow, result.cell.point][result.cell.fault, result.cell.victim] = result
    heads = [fault or SUCCESS for fault in FAULTS]
    lines = [" " * 62 + " ".join(f"{head:14}" for head in heads)]
    for (flow, point), cells in known.items():
        marks = ["".join(_mark(cells.get((fault, victim)), victim) for victim in Victim) for fault in FAULTS]
        lines.append(f"{f'{flow}: {point}':62}" + " ".join(f"{mark:14}" for mark in marks))
    lines.append(
        "w: worker, s: server, p: PostgreSQL, i: whoever stood there killed and all well; "
        "!: failed; -: not reached; blank: not passed"
    )
    return "\n".join(lines)


def _mark(result: Result | None, victim: Victim) -> str:
    if result is None:
        return " "
    return "!" if result.breaches else victim[0] if result.reached else "-"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what the command prints


def main() -> int:
    """Play, print the table; 0 when no cell failed."""
    parser = argparse.ArgumentParser(prog="crash-matrix", description="Kill, and see it end well.")
    parser.add_argument("--flow", action="append", choices=MATRIX, help="this flow only (again for more)")
    parser.add_argument("--cards", action="store_const", dest="flow", const=OF_CARDS, help="those of cards only")
    parser.add_argument("--fault", action="append", choices=[one or SUCCESS for one in FAULTS], help="only this")
    parser.add_argument("--victim", action="append", type=Victim, choices=Victim, help="only this is killed")
    parser.add_argument("--each-point-once", action="store_true", help="not again in a flow of the same kind")
    parser.add_argument("--cells", type=int, help="a sample of this many cells")
    parser.add_argument("--only", default="", help="cells that print like this, such as 'postgres commit:'")
    parser.add_argument("--seed", type=int, default=0, help="which sample")
    parser.add_argument("--minutes", type=float, default=MINUTES_MAX, help="begin no cell after this long")
    asked = parser.parse_args()
    ends_at = time.monotonic() + 60 * asked.minutes
    place = Path(tempfile.mkdtemp(prefix="jobsphere-crash-matrix-", dir=_memory()))
    place.chmod(0o711)
    try:
        with lane(place) as first, lane(place) as second:
            faults = [one for one in FAULTS if asked.fault is None or (one or SUCCESS) in asked.fault]
            victims = asked.victim or VICTIMS
            once = asked.each_point_once
            cells, wanted = cells_of(first, asked.flow or MATRIX, faults, victims, each_point_once=once)
            cells = [cell for cell in cells if asked.only in str(cell)]
            cells = cells if asked.cells is None else sample(cells, asked.cells, asked.seed)
            results = play([first, second], cells, wanted, seconds_max=ends_at - time.monotonic())
    finally:
        shutil.rmtree(place)
    return report(results, left_out=len(cells) - len(results))


def report(results: list[Result], *, left_out: int) -> int:
    """Print what failed, the table, and in the last line how many."""
    failed = [result for result in results if result.breaches]
    for result in failed:
        _say(f"\nFAILED {result.cell}\n" + "\n".join(result.breaches))
    _say("\n" + table(results))
    unreached = sum(not result.reached for result in results)
    _say(f"{unreached} cells ended before their point was passed, {left_out} were left out for lack of time")
    _say(f"{len(results)} cells, {len(failed)} failed")
    return 1 if failed or left_out else 0


def _memory() -> Path | None:
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable name in it
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None


if __name__ == "__main__":
    sys.exit(main())
