"""``jobsphere worker``: the background work alone, beside any number of ``jobsphere serve --no-worker``."""

import asyncio
import signal
from datetime import timedelta

from jobsphere.cli import stack
from jobsphere.cli.serve import loop_factory, spare_what_is_loaded, working
from jobsphere.clock import SystemClock, TimeOrderedIds
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.observability import configure_logging, logger
from jobsphere.settings import Settings
from jobsphere.worker import Worker

log = logger(__name__)


def run() -> None:
    """Work until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: it cannot run like this; the message says what to do.
    """
    settings = stack.read_settings()
    configure_logging(as_json=settings.log_json)
    complete = stack.running_sandbox(stack.with_secrets(settings))
    with stack.database(settings) as database, asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_work(complete, database.url))


async def _work(settings: Settings, url: str) -> None:
    stop = asyncio.Event()
    for caught in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(caught, stop.set)
    async with (
        stack.connected(settings, url) as (engine, gateway),
        working(
            Worker(
                engine,
                gateway,
                SystemClock(),
                TimeOrderedIds(),
                shortfall=Shortfall(settings.dispute_shortfall),
                heals=stack.catch_up_of(settings),
                bank_change_wait=timedelta(hours=settings.bank_change_wait_hours),
            )
        ),
    ):
        spare_what_is_loaded()
        log.info("worker.started")
        await stop.wait()
        log.info("worker.stopping")
