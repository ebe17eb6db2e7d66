"""``jobsphere check`` as a process: how long it takes, and how much memory it needs at most."""

import asyncio
import os
import subprocess
import sys
import time

from benchmarks.figure import Figure
from benchmarks.ground import Ground
from benchmarks.growth.pasts import Past
from benchmarks.serving import environment_of

_SECONDS_AT_MOST = 10
_MEGABYTES_AT_MOST = 300


async def checking(ground: Ground, past: Past) -> list[Figure]:
    """Every law must hold, or there is no figure."""
    seconds, megabytes, complaint = await asyncio.to_thread(_checked, ground, past.database)
    title = f"jobsphere check on {past.entries}"
    return [
        Figure(title, "s", _SECONDS_AT_MOST, seconds, complaint),
        Figure(f"{title}, peak memory", "MB", _MEGABYTES_AT_MOST, megabytes, complaint),
    ]


def _checked(ground: Ground, database: str) -> tuple[float, float, str | None]:
    log = ground.home / "check.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobsphere", "check"],
            cwd=ground.home,
            env={**os.environ, **environment_of(ground, database)},
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    unit = 1024 if sys.platform == "darwin" else 1
    failed = log.read_text(errors="replace")[-300:] if process.returncode else None
    return seconds, used.ru_maxrss / unit / 1024, failed
