"""Idempotency keys, as Stripe documents them."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from stripe_sandbox.testing import run_in_process

from .conftest import Seller

INTENT = {"amount": "5000", "currency": "usd"}
DECLINED = INTENT | {
    "payment_method": "pm_card_visa_chargeDeclined",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


async def _post(
    http: httpx.AsyncClient, path: str, form: dict[str, str], key: str, **headers: str
) -> httpx.Response:
    return await http.post(f"/v1/{path}", data=form, headers={"Idempotency-Key": key, **headers})


def _code(response: httpx.Response) -> str | None:
    code: str | None = response.json().get("error", {}).get("code")
    return code


async def test_the_same_request_gets_the_first_answer_again(seller: Seller, http: httpx.AsyncClient) -> None:
    first = await _post(http, "payment_intents", INTENT, "k")
    again = await _post(http, "payment_intents", INTENT, "k")

    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert first.headers["original-request"] == first.headers["request-id"]
    assert again.headers["original-request"] == first.headers["request-id"] != again.headers["request-id"]
    assert len((await http.get("/v1/payment_intents")).json()["data"]) == 1


async def test_a_decline_is_stored_and_needs_a_new_key(seller: Seller, http: httpx.AsyncClient) -> None:
    first = await _post(http, "payment_intents", DECLINED, "k")
    again = await _post(http, "payment_intents", DECLINED, "k")

    assert (first.status_code, again.status_code) == (402, 402)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.headers["stripe-should-retry"] == "false"
    assert len((await http.get("/v1/charges")).json()["data"]) == 1


async def test_lack_of_funds_is_stored(seller: Seller, http: httpx.AsyncClient) -> None:
    transfer = {"amount": "100", "currency": "usd", "destination": await seller.connected()}
    first = await _post(http, "transfers", transfer, "k")
    await seller.paid_in()
    again = await _post(http, "transfers", transfer, "k")
    fresh = await _post(http, "transfers", transfer, "k2")

    assert [_code(answer) for answer in (first, again, fresh)] == ["balance_insufficient"] * 2 + [None]


async def test_other_parameters_with_the_same_key_are_refused(seller: Seller, http: httpx.AsyncClient) -> None:
    await _post(http, "payment_intents", INTENT, "k")

    other = await _post(http, "payment_intents", INTENT | {"amount": "6000"}, "k")
    elsewhere = await _post(http, "customers", {}, "k")

    assert (await _post(http, "payment_intents", INTENT | {"expand[]": "customer"}, "k")).status_code == 400
    for answer in (other, elsewhere):
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({"amount": "many", "currency": "usd"}, {}, 400),
        ({"currency": "usd"}, {}, 400),
        ({"amount": "5000", "currency": "usd", "colour": "red"}, {}, 400),
        ({"amount": "49", "currency": "usd"}, {}, 400),
        ({"amount": "5000", "currency": "usd", "customer": "cus_nobody"}, {}, 400),
        (INTENT, {"Authorization": "Bearer sk_live_1"}, 401),
        (INTENT, {"Stripe-Account": "acct_nobody"}, 403),
    ],
)
async def test_what_was_refused_before_it_ran_is_not_stored(
    seller: Seller, http: httpx.AsyncClient, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    refused = await _post(http, "payment_intents", form, "k", **headers)
    assert refused.status_code == status

    assert (await _post(http, "payment_intents", INTENT, "k")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"), [("rate_limit", 429), ("locked", 429), ("conflict", 409), ("error_before", 500)]
)
async def test_faults_before_the_request_ran_are_not_stored(
    seller: Seller, http: httpx.AsyncClient, kind: str, status: int
) -> None:
    await seller.control.plan_faults({"match": "POST /v1/payment_intents", "kind": kind})

    assert (await _post(http, "payment_intents", INTENT, "k")).status_code == status
    assert (await _post(http, "payment_intents", INTENT, "k")).status_code == 200


async def test_an_error_after_the_request_ran_is_stored_although_it_ran(
    seller: Seller, http: httpx.AsyncClient
) -> None:
    await seller.control.plan_faults({"match": "POST /v1/payment_intents", "kind": "error_after"})

    first = await _post(http, "payment_intents", INTENT, "k")
    again = await _post(http, "payment_intents", INTENT, "k")

    assert (first.status_code, again.status_code) == (500, 500)
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await http.get("/v1/payment_intents")).json()["data"]) == 1


async def test_a_key_in_use_is_refused_until_its_request_ends(seller: Seller, http: httpx.AsyncClient) -> None:
    await seller.control.plan_faults({"match": "POST /v1/payment_intents", "kind": "slow", "seconds": 0.6})

    slow = asyncio.create_task(_post(http, "payment_intents", INTENT, "k"))
    await asyncio.sleep(0.1)
    meanwhile = await _post(http, "payment_intents", INTENT, "k")

    assert (meanwhile.status_code, _code(meanwhile)) == (409, "idempotency_key_in_use")
    assert (await slow).status_code == 200
    assert (await _post(http, "payment_intents", INTENT, "k")).headers["idempotent-replayed"] == "true"


async def test_a_key_is_forgotten_after_a_day_and_the_request_runs_again(
    seller: Seller, http: httpx.AsyncClient
) -> None:
    first = await _post(http, "payment_intents", INTENT, "k")
    await seller.control.advance(hours=23)
    within = await _post(http, "payment_intents", INTENT, "k")
    await seller.control.advance(hours=1)
    after = await _post(http, "payment_intents", INTENT, "k")

    ids: list[Any] = [answer.json()["id"] for answer in (first, within, after)]
    assert ids[0] == ids[1] != ids[2]


async def test_a_forgotten_answer_is_no_longer_kept(tmp_path: Path) -> None:
    clock_moved = 24 * 3600
    state = tmp_path / "state"
    async with run_in_process(state) as sandbox, httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as http:
        http.headers["Authorization"] = "Bearer sk_test_platform"
        await _post(http, "customers", {}, "early")
        await sandbox.control.advance(seconds=clock_moved / 2)
        await _post(http, "customers", {}, "late")
        assert _kept(state) == ["early", "late"]

        await sandbox.control.advance(seconds=clock_moved / 2)
        await _post(http, "customers", {}, "later")
        assert _kept(state) == ["late", "later"]


def _kept(state: Path) -> list[str]:
    """The keys whose answers a state file holds."""
    with closing(sqlite3.connect(state)) as file:
        found = file.execute("SELECT id FROM records WHERE id LIKE 'answer:%' ORDER BY sequence").fetchall()
    return [identifier.rpartition(":")[2] for (identifier,) in found]


async def test_keys_outlive_the_process_that_stored_their_answers(tmp_path: Path) -> None:
    answers = []
    for _ in range(2):
        async with run_in_process(tmp_path / "state") as sandbox, httpx.AsyncClient(trust_env=False) as http:
            http.headers["Authorization"] = "Bearer sk_test_platform"
            headers = {"Idempotency-Key": "k"}
            answers.append(await http.post(f"{sandbox.url}/v1/payment_intents", data=INTENT, headers=headers))

    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_a_key_counts_on_post_only(seller: Seller, http: httpx.AsyncClient) -> None:
    customer = (await _post(http, "customers", {}, "k")).json()["id"]

    read = await http.get(f"/v1/customers/{customer}", headers={"Idempotency-Key": "k"})
    gone = await http.delete(f"/v1/customers/{customer}", headers={"Idempotency-Key": "k"})

    assert (read.status_code, gone.json()["deleted"]) == (200, True)
    assert "original-request" not in read.headers


async def test_keys_belong_to_the_account_they_were_used_on(seller: Seller, http: httpx.AsyncClient) -> None:
    account = await seller.connected()

    ours = await _post(http, "customers", {"name": "A"}, "k")
    theirs = await _post(http, "customers", {"name": "B"}, "k", **{"Stripe-Account": account})

    assert (ours.status_code, theirs.status_code) == (200, 200)


async def test_keys_have_at_most_255_characters(seller: Seller, http: httpx.AsyncClient) -> None:
    assert (await _post(http, "customers", {}, "k" * 255)).status_code == 200
    assert (await _post(http, "customers", {}, "k" * 256)).status_code == 400
