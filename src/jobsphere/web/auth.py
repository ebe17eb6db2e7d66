"""Who may call a route: every route declares it, with ``Depends(public)`` or ``Depends(allow(…))``."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute, Mount

from jobsphere.database import reading
from jobsphere.gathering import Gathering
from jobsphere.identity import tokens
from jobsphere.identity.people import Role, User, find_users
from jobsphere.web.context import context_of

_bearer = HTTPBearer(
    scheme_name="bearerToken",
    bearerFormat="JWT",
    description="The `token` that `POST /api/auth/login` answers.",
    auto_error=False,
)


class NotSignedIn(Exception):
    """There is no bearer token, or it is not valid (any more), or its user may not sign in."""


class NotAllowed(Exception):
    """The caller is known, but this is not for somebody in their role."""


class AccessNotDeclared(Exception):
    """A route says not at all, or more than once, who may call it; a mistake of its author."""


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody may call the route."""

    async def __call__(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Signed-in, active users in one of ``roles`` may call the route; it gets the ``User``."""

    roles: frozenset[Role]

    async def __call__(
        self, request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> User:
        user = await _signed_in(request, credentials)
        if user.role not in self.roles:
            raise NotAllowed
        return user


Access = Public | Allowed
public = Public()


def allow(*roles: Role) -> Allowed:
    """Users in these roles; any signed-in user when none is named."""
    return Allowed(frozenset(roles or Role))


async def _signed_in(request: Request, credentials: HTTPAuthorizationCredentials | None) -> User:
    if credentials is None:
        raise NotSignedIn
    context = context_of(request)
    try:
        user_id = tokens.read(context.token_secret, credentials.credentials, context.clock.now())
    except tokens.InvalidToken as error:
        raise NotSignedIn from error
    user: User | None = await request.app.state.callers.do(user_id)
    if user is None or not user.is_active:
        raise NotSignedIn
    return user


def callers(engine: AsyncEngine) -> Gathering[UUID, User | None]:
    """Reads who calls, for each request, so that a new role or a deactivation acts at once."""

    async def read(user_ids: Sequence[UUID]) -> list[User | None]:
        async with reading(engine) as connection:
            return await find_users(connection, user_ids)

    return Gathering(read)


def api_routes(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, RouteContext]]:
    """Every API route with its whole path, also those of included routers and mounted applications."""
    for context in iter_route_contexts(list(routes)):
        if isinstance(context.original_route, APIRoute):
            yield context.path or "", context
        elif isinstance(context.original_route, Mount):
            prefix = context.original_route.path
            yield from ((prefix + path, inner) for path, inner in api_routes(context.original_route.routes))


def declared_access(route: RouteContext) -> Access:
    """Who may call ``route``.

    Raises:
        AccessNotDeclared: it does not declare it exactly once.
    """
    declared = list(_declarations(route.dependant))
    if len(declared) != 1:
        raise AccessNotDeclared(f"{route.path} declares {len(declared)} times who may call it")
    return declared[0]


def _declarations(dependant: Dependant) -> Iterator[Access]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Public | Allowed):
            yield inner.call
        yield from _declarations(inner)
