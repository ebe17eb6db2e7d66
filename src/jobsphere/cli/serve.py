"""``jobsphere serve``: the API and the worker in one process, until Ctrl-C or SIGTERM."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from types import FrameType

import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from jobsphere.cli import own_sandbox, stack
from jobsphere.cli.demo_people import DEMO_PASSWORD, DEMO_PEOPLE, join_demo_people
from jobsphere.clock import SystemClock, TimeOrderedIds
from jobsphere.disputes.lifecycle import Shortfall
from jobsphere.embedded_postgres import EmbeddedPostgres, PostgresUnavailable
from jobsphere.observability import configure_logging, logger
from jobsphere.settings import ConfigurationError, Settings
from jobsphere.web.app import create_app
from jobsphere.web.context import Context
from jobsphere.worker import Worker

# Requests and the worker's calls get this long each to finish; Ctrl-C takes less than 10 seconds.
REQUESTS_FINISH_SECONDS = 3
WORKER_FINISH_SECONDS = 3
WATCH_SECONDS = 1

log = logger(__name__)


def run(host: str, port: int, *, with_worker: bool) -> None:
    """Serve until told to stop; then stop everything that was started.

    Raises:
        ConfigurationError: it cannot run like this; the message says what to do.
    """
    settings = stack.read_settings()
    configure_logging(as_json=settings.log_json)
    signal.signal(signal.SIGTERM, _leave)
    settings_with_secrets = stack.with_secrets(settings)
    with (
        _listener(host, port) as listener,
        stack.database(settings) as database,
        own_sandbox.sandbox(settings_with_secrets, _own_url(listener)) as complete,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        runner.run(_serve(complete, database, listener, with_worker=with_worker, sandboxed=settings.uses_sandbox))


async def _serve(
    settings: Settings, database: stack.Database, listener: socket.socket, *, with_worker: bool, sandboxed: bool
) -> None:
    async with contextlib.AsyncExitStack() as cleanup:
        engine, gateway = await cleanup.enter_async_context(stack.connected(settings, database.url))
        clock, ids = SystemClock(), TimeOrderedIds()
        if sandboxed:
            await join_demo_people(engine, clock, ids, settings.payment_currency)
        worker = Worker(
            engine,
            gateway,
            clock,
            ids,
            shortfall=Shortfall(settings.dispute_shortfall),
            heals=stack.catch_up_of(settings),
            bank_change_wait=timedelta(hours=settings.bank_change_wait_hours),
        )
        if database.server is not None:
            await cleanup.enter_async_context(_watched(database.server))
        if with_worker:
            await cleanup.enter_async_context(working(worker))
        assert settings.jobsphere_token_secret is not None
        token_secret = settings.jobsphere_token_secret.get_secret_value().encode()
        app = create_app(Context(settings, engine, clock, ids, token_secret, gateway, worker.wake))
        # uvicorn raises the signals it caught again when it is done; by then there is nothing left to leave.
        for caught in (signal.SIGINT, signal.SIGTERM):
            signal.signal(caught, _ignore)
        server = _Server(app, lambda: _announce(settings, database, listener, sandboxed=sandboxed))
        await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Says where it listens once it does."""

    def __init__(self, app: FastAPI, announce: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=REQUESTS_FINISH_SECONDS,
            )
        )
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        spare_what_is_loaded()
        self._announce()


def spare_what_is_loaded() -> None:
    """Let Python's collector leave alone what is loaded by now, which stays to the end anyway.

    Going through it takes 50 ms and more of processor time, again and again, while nobody is answered and every
    open database transaction idles.
    """
    gc.freeze()


@contextlib.asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """Run the worker beside the block; afterwards let it finish what it is doing."""
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        _, unfinished = await asyncio.wait([task], timeout=WORKER_FINISH_SECONDS)
        # A call that is cut off has an unknown outcome, like any other that gets no answer.
        for late in unfinished:
            late.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def _watched(server: EmbeddedPostgres) -> AsyncIterator[None]:
    """Start our PostgreSQL again if it dies."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await asyncio.to_thread(server.ensure_running)
            except PostgresUnavailable as error:
                log.error("postgres.unavailable", cause=str(error))

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(f"Cannot listen on {host}:{port} ({reason}): choose another --port") from error


def _own_url(listener: socket.socket) -> str:
    """Where this process can be reached on this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - only compared


def _announce(settings: Settings, database: stack.Database, listener: socket.socket, *, sandboxed: bool) -> None:
    url = _own_url(listener)
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row("API", url)
    table.add_row("try it", f"{url}/docs")
    table.add_row("database", database.description())
    stripe = f"offline sandbox at {settings.stripe_api_base}" if sandboxed else settings.stripe_api_base
    table.add_row("Stripe", f"{stripe} ({'live' if settings.live else 'test'} mode)")
    table.add_row("data", str(stack.home_of(settings)))
    if sandboxed:
        for person in DEMO_PEOPLE:
            table.add_row(f"demo {person.role.value}", f"{person.email}  password: {DEMO_PASSWORD}")
    console = Console()
    console.print(f"\n[bold]{settings.platform_name} is running.[/bold] Ctrl-C stops it.")
    console.print(table)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The event loop that is twice as quick, where there is one."""
    try:
        import uvloop
    except ImportError:  # not made for Windows
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    pass
