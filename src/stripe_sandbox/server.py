"""Serving: a socket, a server on it, and the ways in which it ends."""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from stripe_sandbox.app import build
from stripe_sandbox.http.api import Observer
from stripe_sandbox.persistence import Database
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import Settings
from stripe_sandbox.webhooks.endpoints import listen_as_environment_says

SHUTDOWN_SECONDS_MAX = 1
# Longer than clients keep an idle connection (httpx: 5 seconds): whoever closes first should be the client, or a
# request that was just sent is lost.
KEEP_ALIVE_SECONDS = 75
# Records stay, and none refers back to itself. To look through all of them again and again for cycles took two
# fifths of the time of a payment; so it is done seldom, and only in a process of the sandbox's own.
RARELY = (50_000, 50, 1_000)
WARNING = (
    "stripe-sandbox: warning: it listens on {host}, not on loopback alone. Whoever reaches it there can read and "
    "change everything in it; there is no password.\n"
)


def open_sandbox(state: Path | None = None, settings: Settings | None = None) -> Sandbox:
    """A sandbox that goes on where its state file ends, or an empty one that forgets."""
    return Sandbox(settings, Database(state) if state else None)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, when_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_listening = when_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as any server does, then say so."""
        await super().startup(sockets)
        if self.started:
            self._when_listening()


def server_for(
    sandbox: Sandbox,
    listener: socket.socket,
    when_listening: Callable[[], None],
    observers: Sequence[Observer] = (),
) -> Server:
    """A server for the sandbox, which learns under which address it is reached."""
    host, port = listener.getsockname()[:2]
    sandbox.base_url = _url(host, port)
    sandbox.loopback_only = ip_address(host).is_loopback
    config = uvicorn.Config(
        build(sandbox, observers),
        access_log=False,
        log_level="critical",
        lifespan="on",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
    )
    return Server(config, when_listening)


def _url(host: str, port: int) -> str:
    """Where it is reached from this machine; all addresses together are reached by the loopback one."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 it is not bound here
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def serve(
    host: str, port: int, state: Path | None, *, exit_with_parent: bool, faults: object | None = None
) -> None:
    """Serve until a signal ends it, or the parent does; prints the address once it answers.

    Raises:
        InvalidPlan: ``faults`` were given and are no plan.
        OSError: nothing can listen there, or the state file cannot be opened.
    """
    sandbox = open_sandbox(state)
    if faults is not None:
        sandbox.faults.replace(faults)
    listen_as_environment_says(sandbox, os.environ)
    if exit_with_parent:
        threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    with bind(host, port) as listener:
        server = server_for(sandbox, listener, lambda: _announce(sandbox))
        if not sandbox.loopback_only:
            sys.stderr.write(WARNING.format(host=host))
        server.run(sockets=[listener])


def _announce(sandbox: Sandbox) -> None:
    sys.stdout.write(json.dumps({"url": sandbox.base_url}) + "\n")
    sys.stdout.flush()


def _exit_at_end_of_input() -> None:
    """End the process when standard input does; all changes are saved already, so no farewell is needed."""
    while os.read(0, 4096):
        pass
    os._exit(0)
