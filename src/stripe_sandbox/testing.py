"""A sandbox inside a test process, on a free loopback port."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stripe_sandbox.control import Control
from stripe_sandbox.http.api import Observer
from stripe_sandbox.server import bind, open_sandbox, server_for
from stripe_sandbox.settings import Settings

START_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """Where the sandbox listens, and a client that controls it."""

    url: str
    control: Control


@asynccontextmanager
async def run_in_process(
    state: Path | None = None, settings: Settings | None = None, observers: Sequence[Observer] = ()
) -> AsyncIterator[RunningSandbox]:
    """A sandbox in a thread with an event loop of its own, so that a blocking test does not stop it.

    ``observers`` are shown every request to Stripe's paths with its answer, in that thread.
    """
    sandbox = open_sandbox(state, settings)
    with bind("127.0.0.1", 0) as listener:
        listening = threading.Event()
        server = server_for(sandbox, listener, listening.set, observers)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            assert await asyncio.to_thread(listening.wait, START_SECONDS_MAX), "the sandbox did not start"
            async with Control(sandbox.base_url) as control:
                yield RunningSandbox(sandbox.base_url, control)
        finally:
            server.should_exit = True
            await asyncio.to_thread(thread.join)
