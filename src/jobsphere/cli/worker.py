"""``jobsphere worker``: the background work alone, beside any number of ``jobsphere serve --no-worker``."""

import asyncio
import contextlib
import signal

from jobsphere.cli import stack
from jobsphere.cli.serve import working
from jobsphere.clock import SystemClock, TimeOrderedIds
from jobsphere.observability import configure_logging, logger
from jobsphere.settings import Settings
from jobsphere.stripe_gateway.client import StripeGateway
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
    with stack.database(settings) as database:
        asyncio.run(_work(complete, database.url))


async def _work(settings: Settings, url: str) -> None:
    stop = asyncio.Event()
    for caught in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(caught, stop.set)
    async with contextlib.AsyncExitStack() as cleanup:
        engine = await stack.checked_engine(url)
        cleanup.push_async_callback(engine.dispose)
        assert settings.stripe_secret_key is not None
        gateway = StripeGateway(
            secret_key=settings.stripe_secret_key.get_secret_value(),
            api_base=settings.stripe_api_base,
            timeout_seconds=settings.stripe_timeout_seconds,
        )
        cleanup.push_async_callback(gateway.close)
        await cleanup.enter_async_context(working(Worker(engine, gateway, SystemClock(), TimeOrderedIds())))
        log.info("worker.started")
        await stop.wait()
        log.info("worker.stopping")
