"""Groups of scenarios in processes of their own, each on a database and a sandbox of its own."""

import asyncio
import logging
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path

import structlog

from jobsphere.embedded_postgres import EmbeddedPostgres, create_database_from_template
from tests.chaos.bugs import BUGS
from tests.chaos.plan import Group
from tests.chaos.run import Report, play_group
from tests.chaos.world import POLL_SECONDS, TIMEOUT_SECONDS, on_one_clock
from tests.conftest import QUICK, TEMPLATE, Databases, databases_of, quickest_folder
from tests.journeys.conftest import running, settings_for_tests

LANES = os.cpu_count() or 2
FAILURES_MAX = 5


def play(groups: Sequence[Group], bug: str | None, *, lanes: int, say: Callable[[str], None]) -> Report:
    """Each group in a world of its own, ``lanes`` of them at once; stop when ``FAILURES_MAX`` failed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="jobsphere-chaos-", dir=quickest_folder()) as folder:
        home = Path(folder)
        home.chmod(0o711)
        with EmbeddedPostgres(home, settings=QUICK) as cluster, _processes(lanes) as pool:
            databases = databases_of(cluster, home)
            playing = [pool.submit(_play_one, _copy(databases, group), group, bug) for group in groups]
            for done in as_completed(playing):
                played = done.result()
                report.add(played)
                for failure in played.failures:
                    say(f"FAILED {failure}")
                say(f"{report.played} scenarios played, {len(report.failures)} failed")
                if len(report.failures) >= FAILURES_MAX:
                    pool.shutdown(cancel_futures=True)
                    break
    report.failures += report.differences()
    return report


def _processes(lanes: int) -> ProcessPoolExecutor:
    # Started from scratch: nothing of an event loop or of a connection is shared.
    return ProcessPoolExecutor(lanes, multiprocessing.get_context("spawn"))


def _copy(databases: Databases, group: Group) -> str:
    name = f"chaos_{group.number}"
    create_database_from_template(databases.cluster, name, TEMPLATE)
    return databases.url(name)


def _play_one(url: str, group: Group, bug: str | None) -> Report:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with BUGS[bug]() if bug else nullcontext():
        return asyncio.run(_run(url, group))


async def _run(url: str, group: Group) -> Report:
    report = Report()
    settings = settings_for_tests(stripe_timeout_seconds=TIMEOUT_SECONDS)
    async with running(url, settings, poll_seconds=POLL_SECONDS) as jobsphere, on_one_clock(jobsphere) as world:
        world.counts = report.counts
        await play_group(world, group, report)
    return report
