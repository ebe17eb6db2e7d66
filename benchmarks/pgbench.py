"""PostgreSQL's own benchmark, from the same package as the server, over the same socket."""

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import CannotMeasure, Contestant
from benchmarks.ground import Ground
from jobsphere.embedded_postgres.software import MAJOR_VERSION, installed_package

_DATABASE = "pgbench"
_SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class Pgbench:
    """The TPC-B-like transaction: three UPDATEs, a SELECT and an INSERT."""

    ground: Ground
    scale: int
    clients: int

    def contestant(self) -> Contestant:
        """``scale`` says for how many times 100,000 accounts its tables are filled, once in a run."""
        return Contestant(f"pgbench TPC-B-like, {self.clients} clients", "transactions", self._rate)

    async def _rate(self, seconds: float) -> float:
        await self._fill()
        threads = min(os.cpu_count() or 1, self.clients)
        said = await self._run(
            "--protocol=prepared",
            "--no-vacuum",
            f"--client={self.clients}",
            f"--jobs={threads}",
            f"--time={round(seconds)}",
        )
        found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
        if found is None:
            raise CannotMeasure("pgbench did not say its rate")
        return float(found[1])

    async def _fill(self) -> None:
        if _DATABASE not in self.ground.databases:
            self.ground.prepare(_DATABASE)
            await self._run("--initialize", "--quiet", f"--scale={self.scale}")

    def _environment(self) -> Mapping[str, str]:
        ground = self.ground
        return {
            "PGHOST": ground.cluster.host,
            "PGPORT": str(ground.cluster.port),
            "PGUSER": ground.owner.name,
            "PGPASSWORD": ground.owner.password,
            "PGDATABASE": _DATABASE,
            "LC_ALL": "C",
        }

    async def _run(self, *arguments: str) -> str:
        """What pgbench prints.

        Raises:
            CannotMeasure: it is missing, fails, or does not end.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                program(), *arguments, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
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
