"""The whole sandbox as one ASGI application: Stripe's paths, the control interface, the pages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from stripe_sandbox import control_api, due
from stripe_sandbox.connect.accounts import open_platform
from stripe_sandbox.endpoints import ENDPOINTS
from stripe_sandbox.http.api import Api, Observer
from stripe_sandbox.http.routing import Router
from stripe_sandbox.pages import authentication, board, express, onboarding
from stripe_sandbox.pages.guard import guarded
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.views import VIEWS
from stripe_sandbox.webhooks.delivery import Deliverer

TICK_SECONDS = 0.2

log = logging.getLogger(__name__)


def build(sandbox: Sandbox, observers: Sequence[Observer] = ()) -> ASGIApp:
    """The application around a sandbox; its lifespan delivers webhooks and watches the clock.

    Each of ``observers`` is shown every request to Stripe's paths together with its answer.
    """
    open_platform(sandbox)
    sandbox.commit()
    api = Api(sandbox, Router(ENDPOINTS), VIEWS)
    api.observers.extend(observers)
    pages = [route for page in (authentication, board, express, onboarding) for route in page.routes(sandbox)]
    framework = Starlette(routes=[*control_api.routes(api), *pages], lifespan=_lifespan(sandbox))
    others = guarded(framework, loopback_only=sandbox.loopback_only)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        # Stripe's paths skip the framework: nothing of it is needed there, and they are the ones in a hurry.
        stripe_path = scope["type"] == "http" and scope["path"].startswith(("/v1/", "/v2/"))
        await (api if stripe_path else others)(scope, receive, send)

    return application


def _lifespan(sandbox: Sandbox) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        deliverer = Deliverer(sandbox)
        deliverer.start()
        watching = asyncio.create_task(_watch_clock(sandbox))
        yield
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await deliverer.stop()
        sandbox.commit()
        sandbox.close()

    return lifespan


async def _watch_clock(sandbox: Sandbox) -> None:
    """Do what falls due while nobody moves the clock."""
    while True:
        try:
            due.fire_due(sandbox)
        except Exception:
            log.exception("something that was due failed in an unforeseen way")
        await asyncio.sleep(TICK_SECONDS)
