"""Turns every exception into its problem document, whoever raised it."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobsphere.observability import logger
from jobsphere.traces import trace
from jobsphere.web.auth import api_routes
from jobsphere.web.errors import (
    DATABASE_UNAVAILABLE,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    REFUSED_BY_FRAMEWORK,
    problem_for,
)
from jobsphere.web.invalid_fields import invalid_fields
from jobsphere.web.problem import document

log = logger(__name__)


def response_to(error: Exception) -> JSONResponse:
    """The problem document for ``error``; what a person must look into is logged with its trace."""
    problem = problem_for(error)
    if problem is INTERNAL_ERROR:
        log.error("request.failed", exception=trace(error))
    elif problem is DATABASE_UNAVAILABLE:
        log.error("database.unavailable", exception=trace(error))
    return document(problem, problem.detail.format(error=error))


async def refused_by_framework(request: Request, error: Exception) -> Response:
    """FastAPI's own exceptions: unknown paths and methods, and requests that do not fit the route."""
    if isinstance(error, RequestValidationError):
        errors = invalid_fields(error.errors())
        return document(INVALID_REQUEST, INVALID_REQUEST.detail, errors=errors)
    assert isinstance(error, HTTPException)
    problem = REFUSED_BY_FRAMEWORK.get(error.status_code)
    if problem is None:
        return response_to(error)
    allow = {"Allow": ", ".join(sorted(_methods(request)))} if problem.status == 405 else {}
    return document(problem, problem.detail, allow)


def _methods(request: Request) -> Iterator[str]:
    # The router names the methods of one route only, but several share a path.
    for _path, route in api_routes(request.app.routes):
        if route.path_regex.fullmatch(request.url.path):
            yield from route.methods or ()


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    HTTPException: refused_by_framework,
    RequestValidationError: refused_by_framework,
}


class EveryErrorIsAProblem:
    """Answers any exception with its problem document, so that none leaves the application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noticing_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noticing_start)
        except Exception as error:
            if started or scope["type"] != "http":
                # Nothing can be taken back: the server breaks the connection off.
                raise
            await response_to(error)(scope, receive, send)
