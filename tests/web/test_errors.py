"""Every error is a problem document that says what to do and gives nothing away."""

import asyncio
from dataclasses import replace

import httpx
import pytest
import structlog
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.database import Busy, CommitOutcomeUnknown, DatabaseTransaction, RunAgain, reading
from jobsphere.web import errors
from jobsphere.web.app import create_app
from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.problem import Problem

CARD = "4242424242424242"
MEMBERS = {"type", "title", "status", "detail", "code"}

routes = router("tests")
raised: list[Exception] = []


@routes.get("/raise/{offer_id}", dependencies=[Depends(public)])
async def raise_it(offer_id: str) -> JSONResponse:
    raise raised.pop()


@routes.post("/raise/{offer_id}", dependencies=[Depends(public)])
async def also_a_post(offer_id: str) -> JSONResponse:
    raise raised.pop()


@routes.get("/query", dependencies=[Depends(public)])
async def query(context: CurrentContext, sql: str) -> JSONResponse:
    async with reading(context.engine) as connection:
        await connection.execute(text(sql))
    return JSONResponse({})


@pytest.fixture
def bare_app(bare_app: FastAPI) -> FastAPI:
    bare_app.include_router(routes)
    return bare_app


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    app.include_router(routes)
    return app


async def problem_of(client: httpx.AsyncClient, error: Exception) -> httpx.Response:
    raised.append(error)
    return await client.get("/raise/1")


@pytest.mark.parametrize(
    ("error", "status", "code", "headers"),
    [
        (Busy("x"), 503, "busy", {"retry-after": "1"}),
        (RunAgain("x"), 503, "busy", {"retry-after": "1"}),
        (CommitOutcomeUnknown("x"), 503, "outcome_unknown", {}),
        (ConnectionRefusedError(), 503, "database_unavailable", {"retry-after": "5"}),
        (ZeroDivisionError(CARD), 500, "internal_error", {}),
        (ExceptionGroup(CARD, [ValueError(CARD)]), 500, "internal_error", {}),
    ],
)
async def test_what_happened_decides_status_and_code(
    bare_client: httpx.AsyncClient, error: Exception, status: int, code: str, headers: dict[str, str]
) -> None:
    answered = await problem_of(bare_client, error)

    assert (answered.status_code, answered.json()["code"]) == (status, code)
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["x-request-id"]
    assert set(answered.json()) == MEMBERS
    assert answered.json()["status"] == status
    assert headers.items() <= dict(answered.headers).items()
    assert CARD not in answered.text


async def test_an_unknown_outcome_says_to_repeat_with_the_same_key(bare_client: httpx.AsyncClient) -> None:
    answered = await problem_of(bare_client, CommitOutcomeUnknown("x"))

    assert "same Idempotency-Key" in answered.json()["detail"]


async def test_one_row_is_all_that_a_new_exception_needs(
    bare_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TooLittle(Exception):
        missing = "5.00 USD"

    class MuchTooLittle(TooLittle):
        missing = "500.00 USD"

    row = Problem(409, "too_little", "Too little", "Add {error.missing}.")
    monkeypatch.setitem(errors.PROBLEMS, TooLittle, row)
    answered = await problem_of(bare_client, MuchTooLittle())

    assert answered.status_code == 409
    assert answered.json() == {
        "type": "about:blank",
        "title": "Too little",
        "status": 409,
        "detail": "Add 500.00 USD.",
        "code": "too_little",
    }


async def test_codes_are_stable_words_and_rows_say_what_to_do() -> None:
    for problem in errors.PROBLEMS.values():
        assert problem.code.replace("_", "").isalpha()
        assert problem.code.islower()
        assert problem.detail.endswith(".")
        assert 400 <= problem.status <= 599


@pytest.mark.parametrize("path", ["/nothing", "/api/config/", f"/{CARD}", "/docs/assets/nothing.js", "/api"])
async def test_an_unknown_path_is_not_found(bare_client: httpx.AsyncClient, path: str) -> None:
    answered = await bare_client.get(path)

    assert (answered.status_code, answered.json()["code"]) == (404, "not_found")
    assert answered.headers["content-type"] == "application/problem+json"
    assert CARD not in answered.text


async def test_another_method_is_refused_with_all_that_there_are(bare_client: httpx.AsyncClient) -> None:
    answered = await bare_client.put("/raise/1")

    assert (answered.status_code, answered.json()["code"]) == (405, "method_not_allowed")
    assert answered.headers["allow"] == "GET, POST"
    assert answered.headers["content-type"] == "application/problem+json"


async def test_an_unreachable_database_is_said_to_be_so(bare_client: httpx.AsyncClient) -> None:
    answered = await bare_client.get("/query", params={"sql": "SELECT 1"})

    assert (answered.status_code, answered.json()["code"]) == (503, "database_unavailable")


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        (f"SELECT '{CARD}'::int", 500, "internal_error"),
        ("SELECT nothing", 500, "internal_error"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", 503, "database_unavailable"),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$", 503, "busy"),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57014'; END $$", 503, "busy"),
    ],
)
async def test_what_postgresql_says_decides(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str], sql: str, status: int, code: str
) -> None:
    answered = await client.get("/query", params={"sql": sql})

    assert (answered.status_code, answered.json()["code"]) == (status, code)
    assert CARD not in answered.text + "".join(capfd.readouterr())


async def test_a_lock_that_is_not_to_be_had_is_busy(client: httpx.AsyncClient, engine: AsyncEngine) -> None:
    transaction = DatabaseTransaction("test.lock")
    try:
        await transaction.run(
            engine,
            lambda connection: connection.execute(
                text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$")
            ),
        )
    except Busy as error:
        answered = await problem_of(client, error)

    assert (answered.status_code, answered.json()["code"]) == (503, "busy")


async def test_a_request_is_one_line_without_path_query_or_body(
    bare_client: httpx.AsyncClient,
) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        raised.append(Busy("x"))
        answered = await bare_client.get(f"/raise/{CARD}?card={CARD}")

    [line] = lines
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/raise/{offer_id}",
        "status": 503,
        "request_id": answered.headers["x-request-id"],
    }


async def test_an_internal_error_is_logged_with_its_trace_and_request_id(bare_client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answered = await problem_of(bare_client, ZeroDivisionError("this happened"))

    failed, request = lines
    assert failed["event"] == "request.failed"
    assert failed["log_level"] == "error"
    assert "raise raised.pop()" in failed["exception"]
    assert failed["exception"].endswith("builtins.ZeroDivisionError: this happened")
    assert failed["request_id"] == request["request_id"] == answered.headers["x-request-id"]
    assert "this happened" not in answered.text


async def test_every_request_has_an_id_of_its_own(bare_client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(bare_client.get("/health/live", headers={"X-Request-Id": "mine"}) for _ in "123")
    )

    assert len({answered.headers["x-request-id"] for answered in answers} - {"mine"}) == 3


async def test_only_the_frontend_may_call_from_a_browser(bare_context: Context) -> None:
    settings = bare_context.settings.model_copy(update={"frontend_url": "https://app.example"})
    app = create_app(replace(bare_context, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://j.example") as client:
        ours = await client.get("/nothing", headers={"Origin": "https://app.example"})
        others = await client.get("/nothing", headers={"Origin": "https://evil.example"})
        too_long = await client.post("/nothing", content=b"x" * 70_000, headers={"Origin": "https://app.example"})

    assert ours.headers["access-control-allow-origin"] == "https://app.example"
    assert "x-request-id" in ours.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-origin" not in others.headers
    assert too_long.status_code == 413
    assert too_long.headers["access-control-allow-origin"] == "https://app.example"
