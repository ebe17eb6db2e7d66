"""Request bodies: exact amounts, known fields, JSON objects, and nothing repeated back."""

from collections.abc import AsyncIterator
from typing import Literal

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse

from jobsphere.money import Money
from jobsphere.web.answers import answer
from jobsphere.web.auth import public
from jobsphere.web.bodies import DEPTH_MAX, Amount, Body, Id, router

CARD = "4242424242424242"
JSON = {"Content-Type": "application/json"}

routes = router("tests")


class Payment(Body):
    amount: Amount
    payment_method_id: str | None = None
    offer: Id | None = None
    speed: Literal["slow", "fast"] | None = None
    count: int | None = None
    urgent: bool | None = None
    inner: dict[str, object] | None = None


@routes.post("/pay", dependencies=[Depends(public)])
async def pay(body: Payment) -> JSONResponse:
    amount = Money.from_major(body.amount, "usd")
    return answer("Read.", {"text": body.amount, "amountMinor": amount.amount_minor}).response()


@pytest.fixture
def bare_app(bare_app: FastAPI) -> FastAPI:
    bare_app.include_router(routes)
    return bare_app


async def send(client: httpx.AsyncClient, raw: str | bytes, **headers: str) -> httpx.Response:
    return await client.post("/pay", content=raw, headers=JSON | headers)


@pytest.mark.parametrize(
    ("written", "text", "amount_minor"),
    [
        ("200", "200", 20000),
        ("19.99", "19.99", 1999),
        ("0.1", "0.1", 10),
        ('"200.00"', "200.00", 20000),
        ('"200"', "200", 20000),
        # As floats these two would be 1.1 and 0.57 with a rest.
        ("1.10", "1.10", 110),
        ("0.57", "0.57", 57),
        ("999999999999999", "999999999999999", 99999999999999900),
    ],
)
async def test_amounts_are_read_exactly(
    bare_client: httpx.AsyncClient, written: str, text: str, amount_minor: int
) -> None:
    answered = await send(bare_client, f'{{"amount": {written}}}')

    assert answered.json() == {"message": "Read.", "data": {"text": text, "amountMinor": amount_minor}}


@pytest.mark.parametrize(
    "written",
    [
        *("true", "null", "1e2", "1E2", '"1e2"', "-5", '"-5"', '"+5"', "-0", "-0.0", '" 5"', '"5 "', '""'),
        *('"."', '".5"', '"5."', '"05"', '"1,000"', '"NaN"', '"٣"', "[5]", "{}", "0.1234567"),
        *("1" * 19, "1" * 5000),
    ],
)
async def test_what_is_no_plain_amount_is_refused(bare_client: httpx.AsyncClient, written: str) -> None:
    answered = await send(bare_client, f'{{"amount": {written}}}')

    assert answered.status_code == 422
    assert answered.json()["code"] == "invalid_request"
    [error] = answered.json()["errors"]
    assert error["field"] == "amount"
    assert "plain decimal number" in error["message"]


async def test_more_decimals_than_the_currency_has_are_refused(bare_client: httpx.AsyncClient) -> None:
    answered = await send(bare_client, '{"amount": 1.001}')

    assert (answered.status_code, answered.json()["code"]) == (422, "too_many_decimals")
    assert "USD amounts have at most 2 decimals" in answered.json()["detail"]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "{",
        "[]",
        "5",
        "null",
        '"text"',
        "{} {}",
        "\ufeff{}",
        '{"amount": NaN}',
        '{"amount": Infinity}',
        '{"amount": -Infinity}',
        '{"amount": 1, "amount": 2}',
        '{"amount": 1, "inner": {"a": 1, "a": 2}}',
        '{"amount": 1, "\\u0061mount": 2}',
        '{"amount": 1, "paymentMethodId": "\\u0000"}',
        '{"amount": 1, "paymentMethodId": "\\ud800"}',
        '{"amount": 1, "inner": {"a": ["\\u0000"]}}',
        b'{"amount": "\xff"}',
        '{"amount": 01}',
        "{'amount': 1}",
        '{"inner":' * DEPTH_MAX + "{}" + "}" * DEPTH_MAX,
        "[" * 30_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
    ],
    ids=lambda raw: repr(raw)[:30],
)
async def test_what_is_not_one_plain_json_object_is_refused(
    bare_client: httpx.AsyncClient, raw: str | bytes
) -> None:
    answered = await send(bare_client, raw)

    assert (answered.status_code, answered.json()["code"]) == (400, "invalid_json")
    assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=latin-1",
    ],
)
async def test_another_content_type_is_refused(bare_client: httpx.AsyncClient, content_type: str) -> None:
    answered = await send(bare_client, '{"amount": 1}', **{"Content-Type": content_type})

    assert (answered.status_code, answered.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json; charset=utf-8"])
async def test_json_may_be_announced_in_these_ways(bare_client: httpx.AsyncClient, content_type: str) -> None:
    assert (await send(bare_client, '{"amount": 1}', **{"Content-Type": content_type})).status_code == 200


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ("", "amount", "is required"),
        ('"amount": 1, "payment_method_id": "pm"', "(unknown)", "is not a field of this request; remove it"),
        ('"amount": 1, "paymentMethodId": 5', "paymentMethodId", "must be text"),
        ('"amount": 1, "paymentMethodId": 5.5', "paymentMethodId", "must be text"),
        ('"amount": 1, "offer": "x"', "offer", "must be an id (UUID)"),
        ('"amount": 1, "offer": 5', "offer", "must be an id (UUID)"),
        ('"amount": 1, "speed": "x"', "speed", "must be 'slow' or 'fast'"),
        ('"amount": 1, "count": 1.0', "count", "must be a whole number"),
        ('"amount": 1, "count": "1"', "count", "must be a whole number"),
        ('"amount": 1, "count": true', "count", "must be a whole number"),
        ('"amount": 1, "urgent": 1', "urgent", "must be true or false"),
        ('"amount": 1, "inner": []', "inner", "must be an object"),
    ],
)
async def test_each_wrong_field_is_named_with_what_it_must_be(
    bare_client: httpx.AsyncClient, fields: str, field: str, message: str
) -> None:
    answered = await send(bare_client, f"{{{fields}}}")

    assert answered.status_code == 422
    assert answered.json()["errors"] == [{"field": field, "message": message}]


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"amount": "{CARD}0000"}}',
        f'{{"amount": {CARD}0000}}',
        f'{{"amount": 1, "count": "{CARD}"}}',
        f'{{"amount": 1, "offer": "{CARD}"}}',
        f'{{"amount": 1, "speed": "{CARD}"}}',
        f'{{"amount": 1, "{CARD}": "x"}}',
        f'{{"amount": 1, "inner": "{CARD}"}}',
        f'{{"amount": 1, "paymentMethodId": ["{CARD}"]}}',
        f'{{"amount": 1, "amount": "{CARD}"}}',
        f'{{"amount": {CARD}x}}',
        f'["{CARD}"]',
        f'"{CARD}"',
    ],
)
async def test_no_error_repeats_what_was_sent(
    bare_client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str], raw: str
) -> None:
    answered = await send(bare_client, raw)

    assert answered.status_code in (400, 422)
    assert CARD not in answered.text
    assert CARD not in str(answered.headers)
    assert CARD not in "".join(capfd.readouterr())


async def test_a_body_in_pieces_is_read_whole(bare_client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for letter in '{"amount": 19.99}':
            yield letter.encode()

    answered = await bare_client.post("/pay", content=pieces(), headers=JSON)

    assert answered.json()["data"]["amountMinor"] == 1999


async def test_an_amount_is_documented_as_number_or_string(bare_client: httpx.AsyncClient) -> None:
    schema = (await bare_client.get("/openapi.json")).json()
    amount = schema["components"]["schemas"]["Payment"]["properties"]["amount"]

    assert [kind["type"] for kind in amount["anyOf"]] == ["number", "string"]
    assert amount["examples"] == ["200.00", 19.99]
