"""Every route declares who may call it, and only they may."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand
from jobsphere.identity import tokens
from jobsphere.identity.people import Role, User
from jobsphere.identity.tables import users
from jobsphere.web.auth import AccessNotDeclared, Allowed, allow, api_routes, declared_access, public
from jobsphere.web.bodies import StrictRoute, router
from jobsphere.web.context import Context

SignIn = Callable[..., Awaitable[dict[str, str]]]

PUBLIC_PATHS = {
    "/",
    "/docs",
    "/openapi.json",
    "/connect/success",
    "/connect/refresh",
    "/connect/failure",
    "/health/live",
    "/health/ready",
    "/api/config",
    "/api/auth/register",
    "/api/auth/login",
}

routes = router("tests")


@routes.get("/for-customers")
async def for_customers(caller: Annotated[User, Depends(allow(Role.CUSTOMER))]) -> JSONResponse:
    return JSONResponse({"name": caller.name})


@routes.get("/for-two", dependencies=[Depends(allow(Role.CONTRACTOR, Role.ADMIN))])
async def for_two() -> JSONResponse:
    return JSONResponse({})


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    app.include_router(routes)
    return app


def test_every_route_declares_who_may_call_it_and_reads_bodies_strictly(bare_app: FastAPI) -> None:
    access = {path: declared_access(route) for path, route in api_routes(bare_app.routes)}

    webhooks = {path for path in access if path.startswith("/api/webhooks/")}
    assert {path for path, who in access.items() if who == public} - webhooks == PUBLIC_PATHS
    assert all(isinstance(route.original_route, StrictRoute) for _, route in api_routes(bare_app.routes))


def test_everything_that_is_no_api_route_is_known(bare_app: FastAPI) -> None:
    others = {getattr(route, "path", "") for route in bare_app.routes} - {""}

    assert others == {"/docs/assets"}


@pytest.mark.parametrize("mounted", [False, True])
def test_a_route_that_declares_nothing_or_two_things_is_found(bare_app: FastAPI, mounted: bool) -> None:
    async def answer_nothing() -> None: ...

    inner = router("tests")
    inner.add_api_route("/nothing", answer_nothing)
    inner.add_api_route("/twice", answer_nothing, dependencies=[Depends(public), Depends(allow())])
    inner.add_api_route("/also-twice", answer_nothing, dependencies=[Depends(allow()), Depends(allow(Role.ADMIN))])
    if mounted:
        within = FastAPI(openapi_url=None)
        within.include_router(inner)
        bare_app.mount("/within", within)
    else:
        bare_app.include_router(inner, prefix="/within")

    undeclared = set()
    for path, route in api_routes(bare_app.routes):
        try:
            declared_access(route)
        except AccessNotDeclared:
            undeclared.add(path)
    assert undeclared == {"/within/nothing", "/within/twice", "/within/also-twice"}


def test_allow_without_roles_is_any_role() -> None:
    assert allow() == Allowed(frozenset(Role))
    assert allow(Role.ADMIN) != allow()


async def test_only_the_named_roles_may_call(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    customer = await sign_in("ann@example.com", "customer")
    contractor = await sign_in("bob@example.com", "contractor")

    assert (await client.get("/for-customers", headers=customer)).json() == {"name": "Ann"}
    assert (await client.get("/for-two", headers=contractor)).status_code == 200
    for path, headers in (("/for-customers", contractor), ("/for-two", customer)):
        refused = await client.get(path, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


def assert_not_signed_in(answered: httpx.Response) -> None:
    assert (answered.status_code, answered.json()["code"]) == (401, "not_signed_in")
    assert answered.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic YTpi", "token"]
)
async def test_without_a_token_nobody_is_signed_in(client: httpx.AsyncClient, header: str | None) -> None:
    assert_not_signed_in(await client.get("/api/me", headers={"Authorization": header} if header else {}))


async def test_a_token_expires_by_our_clock(
    client: httpx.AsyncClient, sign_in: SignIn, clock: ClockMovedByHand, context: Context
) -> None:
    headers = await sign_in()
    clock.advance(seconds=context.settings.token_lifetime_seconds - 1)
    assert (await client.get("/api/me", headers=headers)).status_code == 200

    clock.advance(seconds=1)
    assert_not_signed_in(await client.get("/api/me", headers=headers))


async def test_a_token_of_nobody_is_refused(client: httpx.AsyncClient, context: Context) -> None:
    token = tokens.issue(context.token_secret, UUID(int=1), context.clock.now(), 60)

    assert_not_signed_in(await client.get("/api/me", headers={"Authorization": f"Bearer {token}"}))


async def test_a_new_role_and_a_deactivation_act_at_once(
    client: httpx.AsyncClient, sign_in: SignIn, engine: AsyncEngine
) -> None:
    headers = await sign_in()
    await change(engine, role="admin")
    assert (await client.get("/for-customers", headers=headers)).status_code == 403
    assert (await client.get("/for-two", headers=headers)).status_code == 200

    await change(engine, is_active=False)
    assert_not_signed_in(await client.get("/for-two", headers=headers))


async def change(engine: AsyncEngine, **values: object) -> None:
    async with engine.begin() as connection:
        await connection.execute(update(users).values(**values))


async def test_who_may_not_call_learns_nothing_about_the_body(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    assert_not_signed_in(await client.get("/for-customers", params={"anything": "wrong"}))
