"""PostgreSQL's own benchmark, from the same package as the server, over the same socket."""

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import CannotMeasure, Contestant, absent
from benchmarks.ground import Ground
from jobsphere.embedded_postgres.software import MAJOR_VERSION, installed_package

CLIENTS = 64
_DATABASE = "pgbench"
_SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class Pgbench:
    """The TPC-B-like transaction: three UPDATEs, a SELECT and an INSERT."""

    environment: Mapping[str, str]

    @classmethod
    async def contestant(cls, ground: Ground, *, scale: int) -> Contestant:
        """With its tables filled: 100,000 accounts for each point of ``scale``."""
        ground.prepare(_DATABASE)
        pgbench = cls(
            {
                "PGHOST": ground.cluster.host,
                "PGPORT": str(ground.cluster.port),
                "PGUSER": ground.owner.name,
                "PGPASSWORD": ground.owner.password,
                "PGDATABASE": _DATABASE,
                "LC_ALL": "C",
            }
        )
        name, unit = f"pgbench TPC-B-like, {CLIENTS} clients", "transactions"
        try:
            await pgbench.run("--initialize", "--quiet", f"--scale={scale}")
        except CannotMeasure as reason:
            return absent(name, unit, str(reason))
        return Contestant(name, unit, pgbench._rate)

    async def _rate(self, seconds: float) -> float:
        threads = min(os.cpu_count() or 1, CLIENTS)
        said = await self.run(
            "--protocol=prepared",
            "--no-vacuum",
            f"--client={CLIENTS}",
            f"--jobs={threads}",
            f"--time={round(seconds)}",
        )
        found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
        if found is None:
            raise CannotMeasure("pgbench did not say its rate")
        return float(found[1])

    async def run(self, *arguments: str) -> str:
        """What pgbench prints.

        Raises:
            CannotMeasure: it is missing, fails, or does not end.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                program(), *arguments, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            raise CannotMeasure(f"pgbench does not run here: {error.strerror}") from error
        try:
            said, complaint = await asyncio.wait_for(process.communicate(), _SECONDS_MAX)
        except TimeoutError as error:
            raise CannotMeasure(f"pgbench did not end within {_SECONDS_MAX} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise CannotMeasure(f"pgbench failed: {complaint.decode(errors='replace')[-200:]}")
        return said.decode()


def program() -> Path:
    """Where it is; the server's folder may be a copy without it."""
    return installed_package() / f"pginstall{MAJOR_VERSION}" / "bin" / "pgbench"
