"""The web application: its routes, its middleware and its documentation, put together."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from jobsphere.web import docs
from jobsphere.web.acknowledge import AcknowledgeEvents
from jobsphere.web.auth import callers
from jobsphere.web.context import Context
from jobsphere.web.error_answers import HANDLERS, EveryErrorIsAProblem
from jobsphere.web.limits import BodyLimit
from jobsphere.web.request_log import RequestLog
from jobsphere.web.routes import (
    admin,
    cards,
    config,
    deposits,
    disputes,
    events,
    freezes,
    health,
    marketplace,
    notifications,
    obligations,
    pages,
    payout_accounts,
    people,
    refunds,
    wallet,
    webhooks,
    withdrawal_reviews,
    withdrawal_switch,
    withdrawals,
)

ROUTERS = (
    people.routes,
    wallet.routes,
    deposits.routes,
    cards.routes,
    refunds.routes,
    disputes.routes,
    withdrawals.routes,
    payout_accounts.routes,
    marketplace.routes,
    notifications.routes,
    config.routes,
    admin.routes,
    freezes.routes,
    events.routes,
    withdrawal_reviews.routes,
    obligations.routes,
    withdrawal_switch.routes,
    webhooks.routes,
    pages.routes,
    health.routes,
)


def create_app(context: Context) -> FastAPI:
    """The application that serves ``context``; it opens and closes nothing of it."""
    app = _Application(
        context,
        title=context.settings.platform_name,
        description=f"Support: {context.settings.platform_email}",
        summary="Wallets, deposits, offers in escrow and withdrawals.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=_middleware(context),
        exception_handlers=HANDLERS,
        responses=docs.ERRORS,
    )
    app.state.context = context
    app.state.callers = callers(context.engine)
    app.state.gatherings = {}
    for routes in ROUTERS:
        app.include_router(routes)
    docs.install(app)
    return app


class _Application(FastAPI):
    """A FastAPI application of which Stripe's events need nothing: not even its outermost middleware."""

    def __init__(self, context: Context, **settings: Any) -> None:
        super().__init__(**settings)
        self._acknowledge = AcknowledgeEvents(super().__call__, context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._acknowledge(scope, receive, send)


def _middleware(context: Context) -> list[Middleware]:
    """From the outside in. None of it is a ``BaseHTTPMiddleware``, which breaks cancellation."""
    inner = [Middleware(EveryErrorIsAProblem), Middleware(BodyLimit)]
    frontend = context.settings.frontend_url
    if frontend is None:
        return [Middleware(RequestLog), *inner]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=[frontend],
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["X-Request-Id", "Idempotent-Replayed", "Retry-After"],
    )
    return [Middleware(RequestLog), cors, *inner]
