"""Registering, signing in, and who am I."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends
from fastapi.responses import JSONResponse
from pydantic import StringConstraints

from jobsphere.identity import tokens
from jobsphere.identity.passwords import hash_password
from jobsphere.identity.people import Role, User, sign_in
from jobsphere.marketplace.join import join
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow, public
from jobsphere.web.bodies import Body, router
from jobsphere.web.context import CurrentContext

routes = router("people")

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Password = Annotated[str, StringConstraints(min_length=10, max_length=200)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]


class Registration(Body):
    email: Email
    password: Password
    name: Name
    role: Literal["customer", "contractor"]


class Login(Body):
    email: Annotated[str, StringConstraints(max_length=254)]
    password: Annotated[str, StringConstraints(max_length=200)]


@routes.post("/api/auth/register", status_code=201, dependencies=[Depends(public)])
async def register(context: CurrentContext, body: Registration) -> JSONResponse:
    """Become a customer or a contractor, with a wallet."""
    user = await join(
        context.engine,
        user_id=context.ids.new(),
        email=body.email,
        name=body.name,
        role=Role(body.role),
        password_hash=await hash_password(body.password),
        currency=context.settings.payment_currency,
        now=context.clock.now(),
    )
    return answer("Welcome. You can sign in now.", {"user": _as_data(user)}, 201).response()


@routes.post("/api/auth/login", dependencies=[Depends(public)])
async def login(context: CurrentContext, body: Login) -> JSONResponse:
    """Get a bearer token for all other requests."""
    user = await sign_in(context.engine, body.email, body.password)
    now, lifetime = context.clock.now(), context.settings.token_lifetime_seconds
    token = tokens.issue(context.token_secret, user.id, now, lifetime)
    expires_at = now.replace(microsecond=0) + timedelta(seconds=lifetime)
    data = {"token": token, "expiresAt": expires_at, "user": _as_data(user)}
    return answer("You are signed in.", data).response()


@routes.get("/api/me")
async def me(caller: Annotated[User, Depends(allow())]) -> JSONResponse:
    """Who the token signs in."""
    return answer("This is you.", {"user": _as_data(caller)}).response()


def _as_data(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "createdAt": user.created_at,
    }
