"""Registering and signing in over HTTP."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

SignIn = Callable[..., Awaitable[dict[str, str]]]

ANN = {"email": "ann@example.com", "password": "correct horse battery", "name": "Ann", "role": "customer"}
CREDENTIALS = {"email": ANN["email"], "password": ANN["password"]}


async def test_one_registers_signs_in_and_is_known(client: httpx.AsyncClient) -> None:
    registered = await client.post("/api/auth/register", json=ANN)
    signed_in = await client.post("/api/auth/login", json=CREDENTIALS)
    token = signed_in.json()["data"]["token"]
    me = await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})

    assert (registered.status_code, signed_in.status_code, me.status_code) == (201, 200, 200)
    user = registered.json()["data"]["user"]
    assert user == signed_in.json()["data"]["user"] == me.json()["data"]["user"]
    assert user["createdAt"] == "2026-01-01T00:00:00Z"
    assert signed_in.json()["data"]["expiresAt"] == "2026-01-01T12:00:00Z"
    assert set(user) == {"id", "email", "name", "role", "createdAt"}
    assert me.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "ann"}, "email"),
        ({"email": "ann@example"}, "email"),
        ({"email": "a nn@example.com"}, "email"),
        ({"email": f"{'a' * 250}@example.com"}, "email"),
        ({"password": "too short"}, "password"),
        ({"password": "x" * 201}, "password"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"role": "admin"}, "role"),
        ({"role": None}, "role"),
        ({"isActive": True}, "(unknown)"),
    ],
)
async def test_what_does_not_fit_is_named_and_not_repeated(
    bare_client: httpx.AsyncClient, wrong: dict[str, Any], field: str
) -> None:
    answered = await bare_client.post("/api/auth/register", json=ANN | wrong)

    assert answered.status_code == 422
    assert [error["field"] for error in answered.json()["errors"]] == [field]
    assert ANN["password"] not in answered.text
    assert str(next(iter(wrong.values()))) not in answered.json()["errors"][0]["message"] or field == "name"


async def test_an_address_registers_once(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/register", json=ANN)
    again = await client.post("/api/auth/register", json=ANN | {"email": "ANN@EXAMPLE.COM"})

    assert (again.status_code, again.json()["code"]) == (409, "email_taken")
    assert "ANN" not in again.text


async def test_wrong_password_and_unknown_address_are_answered_alike(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/register", json=ANN)
    wrong = await client.post("/api/auth/login", json=CREDENTIALS | {"password": "wrong password"})
    unknown = await client.post("/api/auth/login", json=CREDENTIALS | {"email": "bob@example.com"})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "wrong_credentials"
    names = {"x-request-id"}
    assert {k: v for k, v in wrong.headers.items() if k not in names} == {
        k: v for k, v in unknown.headers.items() if k not in names
    }


async def test_signing_in_takes_the_same_work_for_an_unknown_address(client: httpx.AsyncClient) -> None:
    async def work(email: str) -> float:
        started = time.process_time()
        for _ in range(3):
            await client.post("/api/auth/login", json=CREDENTIALS | {"email": email, "password": "wrong"})
        return time.process_time() - started

    await client.post("/api/auth/register", json=ANN)
    await work("ann@example.com")
    known, unknown = await work("ann@example.com"), await work("bob@example.com")

    assert 0.5 < unknown / known < 2


async def test_me_needs_a_token(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    assert (await client.get("/api/me")).status_code == 401
    assert (await client.get("/api/me", headers=await sign_in())).status_code == 200
