"""What the run ran on: without it no figure means anything to somebody else."""

import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import text

from benchmarks.ground import Ground
from jobsphere.database import create_engine

_DATABASE = "description"
_SYNCED_WRITES = 50
_BLOCK = bytes(8192)


async def describe(ground: Ground) -> dict[str, str]:
    """The machine, the disk under the server, and the versions."""
    ground.prepare(_DATABASE)
    engine = create_engine(ground.url(_DATABASE), pool_size=1)
    async with engine.connect() as connection:
        postgres, fsync, synchronous = (await connection.execute(text(_SETTINGS))).one()
    await engine.dispose()
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "a synced write of 8 KiB": f"{median(_synced_write_seconds(ground.home)) * 1e6:,.0f} µs",
        "PostgreSQL": f"{postgres}, fsync {fsync}, synchronous_commit {synchronous}",
        "Python": platform.python_version(),
    }


_SETTINGS = """
SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')
"""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _synced_write_seconds(folder: Path) -> Iterator[float]:
    """A run on a disk that keeps its promises too cheaply shows here."""
    with (folder / "synced").open("wb") as file:
        for _ in range(_SYNCED_WRITES):
            started = time.perf_counter()
            file.write(_BLOCK)
            file.flush()
            os.fsync(file.fileno())
            yield time.perf_counter() - started
