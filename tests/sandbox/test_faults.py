"""Each kind of fault of a request, as the SDK experiences it, and what was done meanwhile."""

from typing import Any

import httpx
import pytest
import stripe

from stripe_sandbox.control import FaultFields, Refused
from stripe_sandbox.faults.requests import RequestFault

from .conftest import Seller


async def _customers(seller: Seller) -> int:
    return len((await seller.client().customers.list_async()).data)


# What the SDK raises, with which status if there was an answer, and how often the work was done.
ERRORS: dict[str, tuple[type[stripe.StripeError], int | None, int]] = {
    "error_before": (stripe.APIError, 500, 0),
    "error_after": (stripe.APIError, 500, 1),
    "timeout_before": (stripe.APIConnectionError, None, 0),
    "timeout_after": (stripe.APIConnectionError, None, 1),
    "drop_after": (stripe.APIConnectionError, None, 1),
    "rate_limit": (stripe.RateLimitError, 429, 0),
    "conflict": (stripe.APIError, 409, 0),
    "locked": (stripe.RateLimitError, 429, 0),
}


def test_every_kind_is_tested() -> None:
    assert {*ERRORS, "slow"} == set(RequestFault)


@pytest.mark.parametrize("kind", ERRORS)
async def test_a_fault_shows_its_error_and_does_or_does_not_the_work(seller: Seller, kind: str) -> None:
    error, status, done = ERRORS[kind]
    await seller.control.plan_faults({"match": "POST /v1/customers", "kind": kind})

    with pytest.raises(error) as raised:
        await seller.client(timeout=0.5).customers.create_async({"name": "A"})

    assert raised.value.http_status == status
    assert await _customers(seller) == done
    await seller.client().customers.create_async({"name": "B"})
    assert await _customers(seller) == done + 1


async def test_a_slow_request_is_too_slow_for_some_and_done_in_the_end(seller: Seller) -> None:
    slow: FaultFields = {"match": "POST /v1/customers", "kind": "slow", "seconds": 0.4}
    await seller.control.plan_faults(slow, {**slow, "skip": 1})

    with pytest.raises(stripe.APIConnectionError):
        await seller.client(timeout=0.1).customers.create_async({"name": "A"})
    await seller.client().customers.create_async({"name": "B"})

    names = [customer.name for customer in (await seller.client().customers.list_async()).data]
    assert names == ["B", "A"]


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after"])
async def test_a_retry_with_the_same_key_after_a_lost_answer_does_nothing_twice(seller: Seller, kind: str) -> None:
    account = await seller.connected()
    await seller.paid_in()
    await seller.control.plan_faults({"match": "POST /v1/transfers", "kind": kind})
    with pytest.raises(stripe.APIConnectionError):
        await seller.client(timeout=0.5).transfers.create_async(
            {"amount": 500, "currency": "usd", "destination": account}, {"idempotency_key": "w1:transfer:1"}
        )

    patient = seller.client()
    again = await patient.transfers.create_async(
        {"amount": 500, "currency": "usd", "destination": account}, {"idempotency_key": "w1:transfer:1"}
    )

    assert [transfer.id for transfer in (await patient.transfers.list_async()).data] == [again.id]
    calls = [call for call in await seller.control.calls() if call["path"] == "/v1/transfers"]
    posts = [(call["idempotency_key"], call["replayed"]) for call in calls if call["method"] == "POST"]
    assert posts == [("w1:transfer:1", False), ("w1:transfer:1", True)]


async def test_a_silence_ends_with_a_broken_connection_even_for_the_patient(seller: Seller) -> None:
    await seller.control.plan_faults({"match": "POST /v1/customers", "kind": "timeout_before", "seconds": 0.1})

    with pytest.raises(stripe.APIConnectionError):
        await seller.client().customers.create_async({"name": "A"})


async def test_a_plan_counts_skips_and_matches_any_id(seller: Seller) -> None:
    client = seller.client()
    customer = await client.customers.create_async({"name": "A"})
    await seller.control.plan_faults(
        {"match": "POST /v1/customers/*", "kind": "error_before", "skip": 1, "times": 2}
    )

    outcomes = []
    for name in "BCDE":
        try:
            await client.customers.update_async(customer.id, {"name": name})
            outcomes.append("done")
        except stripe.APIError:
            outcomes.append("error")

    assert outcomes == ["done", "error", "error", "done"]


async def _outcomes(seller: Seller, count: int) -> str:
    """How ``count`` requests go, one letter each: a dot if well."""
    client = seller.client(timeout=0.5)
    outcomes = ""
    for _ in range(count):
        try:
            await client.balance.retrieve_async()
            outcomes += "."
        except stripe.RateLimitError:
            outcomes += "R"
        except stripe.APIError:
            outcomes += "E"
    return outcomes


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"kind": "error_before"}], "E......."),
        ([{"kind": "error_before", "skip": 4}], "....E..."),
        ([{"kind": "error_before", "every": 3, "times": None}], "..E..E.."),
        ([{"kind": "error_before", "every": 2, "skip": 1, "times": 2}], "..E.E..."),
        ([{"kind": "error_before"}, {"kind": "rate_limit", "times": 2}], "ERR....."),
        ([{"kind": "error_before", "skip": 2}, {"kind": "rate_limit", "skip": 4}], "..E.R..."),
        ([{"kind": "error_before", "probability": 1}], "EEEEEEEE"),
        ([{"kind": "error_before", "probability": 0}], "........"),
        ([{"kind": "error_before", "match": "GET /v1/customers"}], "........"),
        ([{"kind": "error_before", "match": "* /v1/balance"}], "E......."),
    ],
)
async def test_a_rule_counts_the_requests_it_fits(seller: Seller, rules: list[FaultFields], expected: str) -> None:
    await seller.control.plan_faults(*rules)

    assert await _outcomes(seller, 8) == expected


async def test_the_same_seed_gives_the_same_run_and_another_seed_another(seller: Seller) -> None:
    runs = []
    for seed in (7, 7, 8):
        await seller.control.plan_chance(seed, requests={"error_before": 0.3, "rate_limit": 0.2})
        runs.append(await _outcomes(seller, 60))

    assert runs[0] == runs[1] != runs[2]
    assert all(letter in runs[0] for letter in "ER.")


async def test_a_plan_tells_what_it_has_seen_and_struck(seller: Seller) -> None:
    await seller.control.plan_faults({"kind": "error_before", "every": 2, "times": None}, seed=5)
    await _outcomes(seller, 5)

    plan = await seller.control.faults()
    assert (plan["seed"], plan["deliveries"]) == (5, [])
    assert [(rule["seen"], rule["struck"]) for rule in plan["requests"]] == [(5, 2)]


async def test_a_plan_can_be_cleared_and_ends_with_a_reset(seller: Seller) -> None:
    for forget in (seller.control.clear_faults, seller.control.reset):
        await seller.control.plan_faults({"kind": "error_before", "times": 5})
        await forget()
        assert await _customers(seller) == 0


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("often", "The body must be a JSON object"),
        ({"seeds": 1}, "seeds: there is no such field"),
        ({"seed": "1"}, "seed: must be a whole number"),
        ({"seed": True}, "seed: must be a whole number"),
        ({"requests": "all"}, "requests: must be a list of rules, or an object"),
        ({"requests": [1]}, r"requests\[0\]: must be an object"),
        ([{"kind": "slow"}, {}], r"requests\[1\].kind: must be one of error_before, "),
        ([{"kind": "gremlins"}], "kind: must be one of error_before, "),
        ([{"kind": ["slow"]}], "kind: must be one of error_before, "),
        ([{"kind": "slow", "color": 1}], r"requests\[0\].color: there is no such field"),
        ([{"kind": "slow", "to": "connect"}], r"requests\[0\].to: there is no such field"),
        ([{"kind": "slow", "times": 0}], "times: must be a whole number, at least 1"),
        ([{"kind": "slow", "every": 1.5}], "every: must be a whole number, at least 1"),
        ([{"kind": "slow", "skip": -1}], "skip: must be a whole number, at least 0"),
        ([{"kind": "slow", "seconds": "long"}], "seconds: must be a number from 0"),
        ([{"kind": "slow", "probability": 1.1}], "probability: must be a number from 0 to 1"),
        ({"requests": {"slow": 2}}, r"requests\[0\].probability: must be a number from 0 to 1"),
        ([{"kind": "slow", "match": "POST"}], "match: must be"),
        ([{"kind": "slow", "match": "PUT /v1/refunds"}], "match: must be"),
        ([{"kind": "slow", "match": 7}], "match: must be a text"),
        ({"deliveries": [{"kind": "slow"}]}, r"deliveries\[0\].kind: must be one of duplicate, "),
        ({"deliveries": [{"kind": "drop", "match": "*.paid"}]}, r"deliveries\[0\].match: must be the type"),
        ({"deliveries": [{"kind": "drop", "to": "me"}]}, "to: must be one of any, platform, connect"),
    ],
)
async def test_a_plan_that_is_none_is_refused_and_the_old_one_stays(
    seller: Seller, http: httpx.AsyncClient, plan: Any, message: str
) -> None:
    await seller.control.plan_faults({"kind": "rate_limit"})

    answer = await http.post("/_sandbox/faults", json=plan)

    assert answer.status_code == 400
    with pytest.raises(Refused, match=message):
        raise Refused(answer.json()["error"])
    assert await _outcomes(seller, 1) == "R"
