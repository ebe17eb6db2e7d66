"""Offers that are sent at the same time share a database transaction, and none of them notices the others."""

import asyncio
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.database import DatabaseTransaction
from jobsphere.identity.people import User
from jobsphere.marketplace.job import Job

from .conftest import Call
from .market import Market

_MEANWHILE = DatabaseTransaction("tests.meanwhile")
Answered = tuple[int, dict[str, Any]]

# Refuses an offer for what it is, as PostgreSQL's own rules would if Python were wrong.
REFUSE_13 = """
    CREATE FUNCTION refuse_13() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'thirteen' USING ERRCODE = 'check_violation';
    END $$;
    CREATE TRIGGER refuse_13 BEFORE INSERT ON offers FOR EACH ROW WHEN (NEW.amount_minor = 1300)
    EXECUTE FUNCTION refuse_13();
"""


async def send(
    call: Call, customer: User, job: Job, contractor: User, amount: str = "10.00", key: str | None = None
) -> Answered:
    body = {"jobId": str(job.id), "contractorId": str(contractor.id), "amount": amount}
    return await call(customer, "POST", "/api/offers", body, key=key)


async def customers_with_jobs(market: Market, number: int, deposited: str = "200.00") -> list[tuple[User, Job]]:
    customers = [await market.customer(deposited) for _ in range(number)]
    return [(customer, await market.post(customer)) for customer in customers]


async def test_each_has_its_verdict_and_who_is_refused_leaves_nothing_behind(market: Market, call: Call) -> None:
    people, contractor = await customers_with_jobs(market, 8), await market.contractor()
    poor, its_job = (await customers_with_jobs(market, 1, "1.00"))[0]
    (customer, job), (_, foreign_job) = people[0], people[1]
    accounts = "SELECT count(*) FROM ledger_accounts WHERE name LIKE 'offer:%'"

    answered = await asyncio.gather(
        *(send(call, *one, contractor) for one in people),
        send(call, poor, its_job, contractor),
        send(call, customer, foreign_job, contractor),
        send(call, customer, job, customer),
        send(call, customer, job, contractor, "4.99"),
    )

    assert [status for status, _ in answered[:8]] == [201] * 8
    assert [(status, body["code"]) for status, body in answered[8:]] == [
        (409, "insufficient_funds"),
        (404, "job_not_found"),
        (404, "contractor_not_found"),
        (422, "amount_out_of_limits"),
    ]
    assert await market.do(lambda connection: connection.scalar(text(accounts))) == 8
    assert {await market.available(customer) for customer, _ in people} == {"189.50"}
    await market.require_right_books()


async def test_a_customer_spends_no_more_than_there_is(market: Market, call: Call) -> None:
    [(customer, job)], contractor = await customers_with_jobs(market, 1, "25.00"), await market.contractor()

    answered = await asyncio.gather(*(send(call, customer, job, contractor) for _ in range(12)))

    assert sorted(status for status, _ in answered) == [201] * 2 + [409] * 10
    assert (await market.available(customer), await market.escrow(customer)) == ("4.00", "21.00")
    await market.require_right_books()


async def test_a_key_that_comes_several_times_at_once_moves_money_once(market: Market, call: Call) -> None:
    [(customer, job)], contractor = await customers_with_jobs(market, 1), await market.contractor()

    answered = await asyncio.gather(*(send(call, customer, job, contractor, key="k") for _ in range(6)))

    sent = [body for status, body in answered if status == 201]
    assert len(sent) >= 1
    assert all(body == sent[0] for body in sent)
    assert {status for status, _ in answered} <= {201, 409}
    assert await market.escrow(customer) == "10.50"


async def test_when_postgresql_refuses_one_the_others_are_sent(
    market: Market, call: Call, owner_engine: AsyncEngine
) -> None:
    people, contractor = await customers_with_jobs(market, 6), await market.contractor()
    async with owner_engine.begin() as connection:
        await (await connection.get_raw_connection()).driver_connection.execute(REFUSE_13)  # type: ignore[union-attr]

    amounts = ["10.00", "10.00", "13.00", "10.00", "13.00", "10.00"]
    answered = await asyncio.gather(
        *(send(call, *one, contractor, amount) for one, amount in zip(people, amounts, strict=True))
    )

    assert [status for status, _ in answered] == [201, 201, 500, 201, 500, 201]
    assert [await market.escrow(customer) for customer, _ in people] == [
        "10.50" if amount == "10.00" else "0.00" for amount in amounts
    ]
    await market.require_right_books()


async def test_who_must_wait_keeps_nobody_waiting(market: Market, call: Call, engine: AsyncEngine) -> None:
    people, contractor = await customers_with_jobs(market, 4), await market.contractor()
    (waiting, job), (also_waiting, its_job) = people[0], people[1]
    is_held, may_end = asyncio.Event(), asyncio.Event()

    async def hold(connection: Any) -> None:
        await connection.execute(text("SELECT id FROM jobs WHERE id = :id FOR UPDATE"), {"id": job.id})
        query = text("SELECT id FROM wallets WHERE user_id = :id FOR UPDATE")
        await connection.execute(query, {"id": also_waiting.id})
        is_held.set()
        await may_end.wait()

    holding = asyncio.create_task(_MEANWHILE.run(engine, hold))
    await is_held.wait()
    held_up = [
        asyncio.create_task(send(call, waiting, job, contractor)),
        asyncio.create_task(send(call, also_waiting, its_job, contractor)),
    ]
    others = await asyncio.gather(*(send(call, *one, contractor) for one in people[2:]))

    assert [status for status, _ in others] == [201, 201]
    assert not any(task.done() for task in held_up)
    may_end.set()
    await holding
    assert [status for status, _ in await asyncio.gather(*held_up)] == [201, 201]


async def test_a_request_that_goes_away_is_done_at_most_once(market: Market, call: Call) -> None:
    [(customer, job), (other, its_job)], contractor = (
        await customers_with_jobs(market, 2),
        await market.contractor(),
    )
    going = asyncio.create_task(send(call, customer, job, contractor, key="k"))
    staying = asyncio.create_task(send(call, other, its_job, contractor))
    while await market.escrow(other) == "0.00":
        going.cancel()

    assert (await staying)[0] == 201
    status, body = await send(call, customer, job, contractor, key="k")
    assert (status, body["data"]["escrowBalance"]) == (201, "10.50")
