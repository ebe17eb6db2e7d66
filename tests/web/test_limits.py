"""No body is read further than it may be long, and no route runs before that is known."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import Message

from jobsphere.web.auth import public
from jobsphere.web.bodies import Body, router
from jobsphere.web.limits import BODY_BYTES_MAX, WEBHOOK_BODY_BYTES_MAX

JSON = {"Content-Type": "application/json"}

routes = router("tests")
ran: list[str] = []


class Text(Body):
    text: str


@routes.post("/text", dependencies=[Depends(public)])
async def text(body: Text) -> JSONResponse:
    return JSONResponse({"length": len(body.text)})


@routes.post("/no-body", dependencies=[Depends(public)])
async def no_body() -> JSONResponse:
    ran.append("no-body")
    return JSONResponse({})


@routes.post("/api/webhooks/test", dependencies=[Depends(public)])
async def webhook(request: Request) -> JSONResponse:
    return JSONResponse({"length": len(await request.body())})


@pytest.fixture
def bare_app(bare_app: FastAPI) -> FastAPI:
    bare_app.include_router(routes)
    ran.clear()
    return bare_app


def body_of(bytes_count: int) -> bytes:
    return b'{"text": "' + b"x" * (bytes_count - 12) + b'"}'


def assert_too_large(answered: httpx.Response) -> None:
    assert (answered.status_code, answered.json()["code"]) == (413, "body_too_large")
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["connection"] == "close"
    assert answered.headers["x-request-id"]


async def test_a_body_may_have_64_kib_and_no_byte_more(bare_client: httpx.AsyncClient) -> None:
    assert (await bare_client.post("/text", content=body_of(BODY_BYTES_MAX), headers=JSON)).status_code == 200
    assert_too_large(await bare_client.post("/text", content=body_of(BODY_BYTES_MAX + 1), headers=JSON))
    assert_too_large(await bare_client.post("/text", content=body_of(70_000), headers=JSON))


async def test_a_webhook_may_have_1_mib_and_no_byte_more(bare_client: httpx.AsyncClient) -> None:
    path = "/api/webhooks/test"
    assert (await bare_client.post(path, content=bytes(WEBHOOK_BODY_BYTES_MAX))).status_code == 200
    assert_too_large(await bare_client.post(path, content=bytes(WEBHOOK_BODY_BYTES_MAX + 1)))


async def test_a_route_that_reads_no_body_does_not_run_under_a_too_long_one(
    bare_client: httpx.AsyncClient,
) -> None:
    assert_too_large(await bare_client.post("/no-body", content=bytes(BODY_BYTES_MAX + 1)))
    assert ran == []


@pytest.mark.parametrize("path", ["/text", "/api/webhooks/test"])
async def test_a_body_without_a_length_is_given_up_at_the_limit(bare_client: httpx.AsyncClient, path: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 16_384
            yield bytes(16_384)

    assert_too_large(await bare_client.post(path, content=endless(), headers=JSON))
    limit = WEBHOOK_BODY_BYTES_MAX if "webhooks" in path else BODY_BYTES_MAX
    assert sent <= limit + 2 * 16_384


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "9" * 5000, str(BODY_BYTES_MAX + 1)])
async def test_a_length_that_cannot_be_is_refused(bare_client: httpx.AsyncClient, length: str) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Content-Length", length.encode())]
    assert_too_large(await bare_client.post("/text", content=b"{}", headers=headers))


@pytest.mark.parametrize("path", ["/text", "/api/webhooks/test"])
async def test_a_client_that_leaves_in_the_middle_is_no_internal_error(bare_app: FastAPI, path: str) -> None:
    incoming: list[Message] = [
        {"type": "http.request", "body": b'{"te', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    headers = [(b"content-type", b"application/json")]
    await bare_app({**scope, "headers": headers, "root_path": "", "http_version": "1.1"}, receive, send)

    assert [message.get("status") for message in sent] == [400, None]
