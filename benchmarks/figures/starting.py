"""How long the command line takes to answer, and a server to be ready."""

import subprocess
import sys
import time
from statistics import median

from benchmarks.contest import Say
from benchmarks.effort import Effort
from benchmarks.figure import Figure
from benchmarks.ground import Ground
from benchmarks.serving import NotServed, jobsphere_running

_HELP = "jobsphere --help"
_READY = "jobsphere serve, ready on an existing database"
_DATABASE = "started"


async def starting(ground: Ground, effort: Effort, say: Say) -> list[Figure]:
    """Medians of as many tries as there are rounds."""
    say("starting jobsphere --help and jobsphere serve …")
    await ground.migrated(_DATABASE)
    help_seconds = median(_help_seconds() for _ in range(effort.rounds))
    try:
        ready_seconds = median(_ready_seconds(ground) for _ in range(effort.rounds))
    except NotServed as reason:
        return [Figure(_HELP, "s", 0.3, help_seconds), Figure(_READY, "s", 1.5, missing=str(reason))]
    return [Figure(_HELP, "s", 0.3, help_seconds), Figure(_READY, "s", 1.5, ready_seconds)]


def _help_seconds() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "jobsphere", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _ready_seconds(ground: Ground) -> float:
    with jobsphere_running(ground, _DATABASE, "--port", "0") as running:
        return running.start_seconds
