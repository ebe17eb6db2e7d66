"""Alive, ready, and what a frontend has to know."""

from dataclasses import replace

import httpx
import pytest

from jobsphere.web.app import create_app
from jobsphere.web.context import Context


async def test_alive_needs_no_database(bare_client: httpx.AsyncClient) -> None:
    answered = await bare_client.get("/health/live")

    assert (answered.status_code, answered.json()) == (200, {"status": "ok"})


async def test_ready_needs_a_database(client: httpx.AsyncClient, bare_client: httpx.AsyncClient) -> None:
    ready, not_ready = await client.get("/health/ready"), await bare_client.get("/health/ready")

    assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
    assert (not_ready.status_code, not_ready.json()["code"]) == (503, "not_ready")
    assert not_ready.headers["retry-after"]


async def test_the_configuration_is_public_and_holds_no_secret(bare_client: httpx.AsyncClient) -> None:
    answered = await bare_client.get("/api/config")

    assert answered.json()["data"] == {
        "publishableKey": "pk_test_sandbox",
        "currency": "usd",
        "currencyDecimals": 2,
        "currencyStep": "0.01",
        "platformName": "JobSphere",
        "limits": {
            "depositMinimum": "10.00",
            "depositMaximum": "10000.00",
            "withdrawalMinimum": "10.00",
            "withdrawalMaximum": "10000.00",
            "offerMinimum": "5.00",
            "offerMaximum": "50000.00",
        },
        "fees": {"platformFeePercent": "5", "serviceFeePercent": "20"},
    }


@pytest.mark.parametrize(("currency", "decimals", "written"), [("jpy", 0, "1000"), ("kwd", 3, "10.000")])
async def test_limits_are_written_in_the_currency(
    bare_context: Context, currency: str, decimals: int, written: str
) -> None:
    settings = bare_context.settings.model_copy(update={"payment_currency": currency})
    app = create_app(replace(bare_context, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://j.example") as client:
        data = (await client.get("/api/config")).json()["data"]

    assert data["currencyDecimals"] == decimals
    assert data["limits"]["depositMinimum"] == written
