"""Each kind of fault, as the SDK experiences it, and what was done meanwhile."""

import pytest
import stripe

from stripe_sandbox.control import Refused

from .conftest import Seller


async def _customers(seller: Seller) -> int:
    return len((await seller.client().customers.list_async()).data)


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("error_before", stripe.APIError, 0),
        ("error_after", stripe.APIError, 1),
        ("timeout_before", stripe.APIConnectionError, 0),
        ("timeout_after", stripe.APIConnectionError, 1),
        ("drop_after", stripe.APIConnectionError, 1),
        ("rate_limit", stripe.RateLimitError, 0),
        ("conflict", stripe.APIError, 0),
    ],
)
async def test_a_fault_shows_its_error_and_does_or_does_not_the_work(
    seller: Seller, kind: str, error: type[stripe.StripeError], done: int
) -> None:
    await seller.control.plan_faults({"match": "POST /v1/customers", "kind": kind})

    with pytest.raises(error):
        await seller.client(timeout=0.5).customers.create_async({"name": "A"})

    assert await _customers(seller) == done
    await seller.client().customers.create_async({"name": "B"})
    assert await _customers(seller) == done + 1


async def test_a_slow_request_is_done_in_the_end(seller: Seller) -> None:
    await seller.control.plan_faults({"match": "POST /v1/customers", "kind": "slow", "seconds": 0.1})

    await seller.client().customers.create_async({"name": "A"})

    assert await _customers(seller) == 1


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


async def test_a_plan_can_be_cleared_and_nonsense_is_refused(seller: Seller) -> None:
    await seller.control.plan_faults({"match": "* /v1/customers", "kind": "error_before", "times": 5})
    await seller.control.clear_faults()
    assert await _customers(seller) == 0
    with pytest.raises(Refused):
        await seller.control.plan_faults({"match": "POST /v1/customers", "kind": "gremlins"})
