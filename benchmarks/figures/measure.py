"""All figures that need no past."""

from benchmarks.contest import Say
from benchmarks.effort import Effort
from benchmarks.figure import Figure
from benchmarks.figures.killing import killing
from benchmarks.figures.promptness import promptness
from benchmarks.figures.starting import starting
from benchmarks.ground import Ground


async def measure(ground: Ground, effort: Effort, say: Say) -> list[Figure]:
    """The kills come last: whoever is connected to PostgreSQL meanwhile loses the connection."""
    return [figure for one in (starting, promptness, killing) for figure in await one(ground, effort, say)]
