"""Jobs and offers over HTTP: what is answered, to whom, and once."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jobsphere.identity.people import User
from jobsphere.marketplace.job import Job

from .market import Market

Call = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@pytest.fixture
async def customer(market: Market) -> User:
    return await market.customer("200.00")


@pytest.fixture
async def contractor(market: Market) -> User:
    return await market.contractor()


@pytest.fixture
async def job(market: Market, customer: User) -> Job:
    return await market.post(customer)


def _offer(job: Job, contractor: User, **changes: object) -> dict[str, object]:
    return {"jobId": str(job.id), "contractorId": str(contractor.id), "amount": 100, **changes}


async def test_the_guides_example_over_http(call: Call, customer: User, contractor: User) -> None:
    status, posted = await call(
        customer, "POST", "/api/jobs", {"title": "  Paint the fence ", "description": "Green."}
    )
    job = posted["data"]["job"]
    assert (status, job["title"], job["state"]) == (201, "Paint the fence", "open")
    _, found = await call(customer, "GET", "/api/contractors")
    assert found["data"] == {"contractors": [{"id": str(contractor.id), "name": "Ann"}], "nextCursor": None}

    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": "100.00", "message": "Please."}
    status, sent = await call(customer, "POST", "/api/offers", body)
    offer = sent["data"].pop("offer")
    assert status == 201
    assert sent["data"] == {"newBalance": "95.00", "escrowBalance": "105.00", "currency": "usd"}
    assert offer | {"id": "", "createdAt": "", "expiresAt": ""} == {
        "id": "",
        "jobId": job["id"],
        "customerId": str(customer.id),
        "contractorId": str(contractor.id),
        "amount": "100.00",
        "platformFee": "5.00",
        "total": "105.00",
        "serviceFee": "20.00",
        "contractorReceives": "80.00",
        "currency": "usd",
        "state": "sent",
        "message": "Please.",
        "createdAt": "",
        "expiresAt": "",
        "answeredAt": None,
    }
    assert (offer["createdAt"], offer["expiresAt"]) == ("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z")

    status, accepted = await call(contractor, "POST", f"/api/offers/{offer['id']}/accept")
    assert (status, accepted["data"]["offer"]["state"]) == (200, "accepted")
    status, done = await call(customer, "POST", f"/api/jobs/{job['id']}/complete")
    assert (status, done["data"]["job"]["state"], done["data"]["offer"]["state"]) == (
        200,
        "completed",
        "completed",
    )
    assert (done["data"]["newBalance"], done["data"]["escrowBalance"]) == ("95.00", "0.00")


async def test_the_same_key_sends_one_offer(
    call: Call, market: Market, customer: User, contractor: User, job: Job
) -> None:
    body = _offer(job, contractor, amount=10)
    first = await call(customer, "POST", "/api/offers", body, key="send-1")
    assert await call(customer, "POST", "/api/offers", body, key="send-1") == first
    assert await market.escrow(customer) == "10.50"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": 4.99}, 422, "amount_out_of_limits"),
        ({"amount": 190.49}, 409, "insufficient_funds"),
        ({"amount": 10.001}, 422, "too_many_decimals"),
        ({"amount": True}, 422, "invalid_request"),
        ({"amount": -10}, 422, "invalid_request"),
        ({"expiresInDays": 0}, 422, "invalid_request"),
        ({"expiresInDays": 31}, 422, "invalid_request"),
        ({"message": "x" * 2001}, 422, "invalid_request"),
        ({"platformFee": 0}, 422, "invalid_request"),
        ({"jobId": "00000000-0000-0000-0000-000000000000"}, 404, "job_not_found"),
        ({"contractorId": "00000000-0000-0000-0000-000000000000"}, 404, "contractor_not_found"),
    ],
)
async def test_offers_that_are_not_sent(
    call: Call,
    market: Market,
    customer: User,
    contractor: User,
    job: Job,
    changes: dict[str, object],
    status: int,
    code: str,
) -> None:
    answered, problem = await call(customer, "POST", "/api/offers", _offer(job, contractor, **changes))
    assert (answered, problem["code"]) == (status, code)
    assert await market.available(customer) == "200.00"


@pytest.mark.parametrize("title", ["ab", "  a  ", "x" * 121, "two\nlines"])
async def test_titles_that_are_refused(call: Call, customer: User, title: str) -> None:
    status, problem = await call(customer, "POST", "/api/jobs", {"title": title})
    assert (status, problem["code"]) == (422, "invalid_request")


async def test_each_side_may_only_do_its_own_deeds(
    call: Call, market: Market, customer: User, contractor: User, job: Job
) -> None:
    offer = await market.send(customer, job, contractor)
    for user, path in (
        (contractor, "/api/jobs"),
        (contractor, "/api/offers"),
        (contractor, f"/api/offers/{offer.id}/withdraw"),
        (contractor, f"/api/jobs/{job.id}/complete"),
        (contractor, f"/api/jobs/{job.id}/close"),
        (customer, f"/api/offers/{offer.id}/accept"),
        (customer, f"/api/offers/{offer.id}/decline"),
    ):
        status, problem = await call(user, "POST", path, {})
        assert (path, status, problem["code"]) == (path, 403, "not_allowed")


async def test_what_is_somebody_elses_looks_missing(
    call: Call, market: Market, customer: User, contractor: User, job: Job
) -> None:
    offer = await market.send(customer, job, contractor)
    await market.accept(contractor.id, offer.id)
    stranger, other = await market.customer(), await market.contractor()
    for user, method, path, code in (
        (stranger, "GET", f"/api/offers/{offer.id}", "offer_not_found"),
        (stranger, "POST", f"/api/offers/{offer.id}/withdraw", "offer_not_found"),
        (other, "POST", f"/api/offers/{offer.id}/accept", "offer_not_found"),
        (other, "POST", f"/api/offers/{offer.id}/decline", "offer_not_found"),
        (other, "GET", f"/api/jobs/{job.id}", "job_not_found"),
        (stranger, "POST", f"/api/jobs/{job.id}/complete", "job_not_found"),
        (stranger, "POST", f"/api/jobs/{job.id}/close", "job_not_found"),
    ):
        status, problem = await call(user, method, path)
        assert (path, status, problem["code"]) == (path, 404, code)


async def test_a_deed_that_comes_too_late_is_told_what_happened(
    call: Call, market: Market, customer: User, contractor: User, job: Job
) -> None:
    offer = await market.send(customer, job, contractor)
    assert (await call(customer, "POST", f"/api/jobs/{job.id}/complete"))[1]["code"] == "job_not_assigned"
    assert (await call(contractor, "POST", f"/api/offers/{offer.id}/decline"))[0] == 200
    status, problem = await call(contractor, "POST", f"/api/offers/{offer.id}/accept")
    assert (status, problem["code"]) == (409, "offer_not_open")
    assert problem["detail"].startswith("The offer is declined.")
    late = await market.send(customer, job, contractor)
    market.clock.advance(days=7)
    assert (await call(contractor, "POST", f"/api/offers/{late.id}/accept"))[1]["code"] == "offer_expired"
    status, closed = await call(customer, "POST", f"/api/jobs/{job.id}/close")
    assert (status, closed["data"]["job"]["state"], closed["data"]["newBalance"]) == (200, "closed", "200.00")
    assert (await call(customer, "POST", f"/api/jobs/{job.id}/close"))[1]["code"] == "job_not_open"


async def test_lists_are_read_page_by_page(
    call: Call, market: Market, customer: User, contractor: User, job: Job
) -> None:
    for _ in range(3):
        market.clock.advance(minutes=1)
        await market.send(customer, job, contractor, "10.00")
        await market.post(customer)
    for user, path, name, count in (
        (customer, "/api/offers", "offers", 3),
        (contractor, "/api/offers", "offers", 3),
        (customer, f"/api/offers?jobId={job.id}", "offers", 3),
        (contractor, "/api/jobs", "jobs", 4),
        (customer, "/api/jobs?mine=true", "jobs", 4),
        (contractor, "/api/jobs?mine=true", "jobs", 0),
    ):
        times = await _times_by_pages_of_two(call, user, path, name)
        assert (path, len(times)) == (path, count)
        assert times == sorted(times, reverse=True)


async def _times_by_pages_of_two(call: Call, user: User, path: str, name: str) -> list[str]:
    times: list[str] = []
    cursor = ""
    while True:
        separator = "&" if "?" in path else "?"
        status, page = await call(user, "GET", f"{path}{separator}limit=2{cursor}")
        assert status == 200
        times += [one["createdAt"] for one in page["data"][name]]
        if page["data"]["nextCursor"] is None:
            return times
        cursor = f"&cursor={page['data']['nextCursor']}"
