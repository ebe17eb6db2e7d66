"""``make chaos SEED=… SCENARIOS=…``: play that many scenarios on databases and a sandbox of its own."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import structlog

from jobsphere.embedded_postgres import (
    EmbeddedPostgres,
    Role,
    prepare_database,
    stored_passwords,
)
from jobsphere.migrations.migrate import migrate
from tests.chaos.bugs import BUGS
from tests.chaos.plan import Group, plan
from tests.chaos.run import Report, play_all
from tests.conftest import APPLICATION, OWNER, QUICK, Databases
from tests.journeys.conftest import running, settings_for_tests


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenarios", type=int, default=1000)
    parser.add_argument("--plant-bug", choices=sorted(BUGS))
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    groups = plan(given.seed, given.scenarios)
    digest = sha256(repr(groups).encode()).hexdigest()[:12]
    total = sum(len(one.scenarios) for one in groups)
    _say(f"seed {given.seed}: {total} scenarios in {len(groups)} groups, plan {digest}")
    if given.plant_bug:
        _say(f"planted bug: {given.plant_bug}")
    with BUGS[given.plant_bug]() if given.plant_bug else nullcontext():
        report = _play(groups)
    return _tell(report)


def _play(groups: Sequence[Group]) -> Report:
    with tempfile.TemporaryDirectory(prefix="jobsphere-chaos-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        with EmbeddedPostgres(home, settings=QUICK) as cluster:
            passwords = stored_passwords(home)
            databases = Databases(cluster, passwords.owner, passwords.application)
            prepare_database(
                cluster,
                database="chaos",
                owner=Role(OWNER, passwords.owner),
                application=Role(APPLICATION, passwords.application),
            )
            asyncio.run(migrate(databases.owner_url("chaos"), APPLICATION))
            return asyncio.run(_run(databases.url("chaos"), groups))


async def _run(url: str, groups: Sequence[Group]) -> Report:
    async with running(url, settings_for_tests()) as jobsphere:
        return await play_all(jobsphere, groups, say=_say)


def _tell(report: Report) -> int:
    for title, counts in (("injected", report.counts), ("reached", report.reached)):
        _say(f"{title}: {json.dumps(dict(sorted(Counter(counts).items())))}")
    for failure in report.failures:
        _say(f"FAILED {failure}")
    _say(f"{report.played} scenarios, {len(report.failures)} failed")
    return 1 if report.failures else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
