"""The same POST twice, or twenty times at once, moves money once and is answered the same."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import crash_points
from jobsphere.clock import ClockMovedByHand
from jobsphere.database import Busy, RunAgain, in_own_transaction, reading
from jobsphere.idempotency.keys import KEPT, KeyReference, delete_expired
from jobsphere.idempotency.tables import idempotency_keys
from jobsphere.identity.people import Role, User, register
from jobsphere.identity.tables import users
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, router
from jobsphere.web.context import CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost, replace_answer

SignIn = Callable[..., Awaitable[dict[str, str]]]
Headers = dict[str, str]

routes = router("tests")
payment = IdempotentPost("tests.pay")
delete_expired_alone = in_own_transaction(delete_expired)


class Payment(Body):
    amount: Amount


class Till:
    """What the verb under test did, and what it is to do next."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.fails_with: list[Exception] = []
        self.keys: list[KeyReference | None] = []


@routes.post("/pay/{shop}", openapi_extra=DOCUMENTED)
async def pay(
    request: Request,
    context: CurrentContext,
    caller: Annotated[User, Depends(allow())],
    shop: str,
    body: Payment,
) -> JSONResponse:
    till: Till = request.app.state.till

    async def verb(connection: AsyncConnection) -> Answer:
        till.begun += 1
        await leave_a_trace(connection, context.ids.new(), context.clock.now())
        await till.may_go_on.wait()
        if till.fails_with:
            raise till.fails_with.pop()
        return answer("Paid.", {"shop": shop, "amount": body.amount, "ünï": None, "begun": till.begun}, 201)

    outcome = await payment.run(request, context, caller, verb)
    till.keys.append(outcome.key)
    return outcome.response()


async def leave_a_trace(connection: AsyncConnection, user_id: UUID, now: datetime) -> None:
    """The effect of the verb under test: one more row."""
    await register(
        connection,
        user_id=user_id,
        email=f"{user_id}@effects.example",
        name="Effect",
        role=Role.CUSTOMER,
        password_hash="x",
        now=now,
    )


@pytest.fixture
def till(app: FastAPI) -> Till:
    app.include_router(routes)
    app.state.till = Till()
    return app.state.till  # type: ignore[no-any-return]


async def effects(engine: AsyncEngine) -> int:
    async with reading(engine) as connection:
        wanted = select(func.count()).where(users.c.name == "Effect")
        return await connection.scalar(wanted) or 0


async def stored_keys(engine: AsyncEngine) -> int:
    async with reading(engine) as connection:
        return await connection.scalar(select(func.count()).select_from(idempotency_keys)) or 0


@pytest.fixture
async def ann(sign_in: SignIn) -> Headers:
    return await sign_in("ann@example.com")


async def send(
    client: httpx.AsyncClient, who: Headers, key: str | None = "k1", body: str = '{"amount": 5}', shop: str = "a"
) -> httpx.Response:
    headers = {**who, "Content-Type": "application/json"} | ({"Idempotency-Key": key} if key is not None else {})
    return await client.post(f"/pay/{shop}", content=body, headers=headers)


def code(answered: httpx.Response) -> tuple[int, str]:
    return answered.status_code, answered.json()["code"]


async def test_a_repetition_gives_the_first_answer_byte_for_byte(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    first = await send(client, ann)
    again = await send(client, ann)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (till.begun, await effects(engine), await stored_keys(engine)) == (1, 1, 1)


async def test_without_a_key_every_request_is_its_own(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    for _ in range(2):
        assert (await send(client, ann, key=None)).status_code == 201

    assert (await effects(engine), await stored_keys(engine)) == (2, 0)
    assert till.keys == [None, None]


async def test_another_body_under_the_same_key_is_refused(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    await send(client, ann)

    assert code(await send(client, ann, body='{"amount": 6}')) == (422, "idempotency_key_reused")
    assert await effects(engine) == 1


async def test_other_people_and_other_paths_have_their_own_keys(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers, sign_in: SignIn
) -> None:
    bob = await sign_in("bob@example.com")
    for who, shop in ((ann, "a"), (bob, "a"), (ann, "b"), (bob, "b")):
        answered = await send(client, who, shop=shop)
        assert answered.json()["data"]["shop"] == shop
        assert "idempotent-replayed" not in answered.headers

    assert await effects(engine) == 4


async def test_twenty_at_once_do_it_once(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    answers = await asyncio.gather(*(send(client, ann) for _ in range(20)))

    assert (till.begun, await effects(engine)) == (1, 1)
    done = [answered for answered in answers if answered.status_code == 201]
    assert len({answered.content for answered in done}) == 1
    assert sum("idempotent-replayed" not in answered.headers for answered in done) == 1
    for answered in answers:
        assert answered in done or code(answered) == (409, "idempotency_key_in_use")


async def test_while_one_is_running_the_second_is_told_so_at_once(
    client: httpx.AsyncClient, till: Till, ann: Headers
) -> None:
    till.may_go_on.clear()
    first = asyncio.create_task(send(client, ann))
    while not till.begun:
        await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        second = await send(client, ann)
    till.may_go_on.set()

    assert code(second) == (409, "idempotency_key_in_use")
    assert second.headers["retry-after"] == "1"
    assert (await first).status_code == 201
    assert (await send(client, ann)).headers["idempotent-replayed"] == "true"


async def test_a_verb_that_fails_stores_nothing_and_may_be_tried_again(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    for failure, status in ((Busy("refused"), 503), (ZeroDivisionError(), 500)):
        till.fails_with = [failure]
        assert (await send(client, ann)).status_code == status
        assert (await effects(engine), await stored_keys(engine)) == (0, 0)

    assert (await send(client, ann)).status_code == 201
    assert (await effects(engine), await stored_keys(engine)) == (1, 1)


async def test_a_verb_that_was_overtaken_is_run_again_and_counts_once(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    till.fails_with = [RunAgain("overtaken"), RunAgain("overtaken")]
    answered = await send(client, ann)

    assert answered.json()["data"]["begun"] == 3
    assert (await effects(engine), await stored_keys(engine)) == (1, 1)


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "é", "x" * 256])
async def test_a_key_is_1_to_255_visible_ascii_characters(
    client: httpx.AsyncClient, till: Till, ann: Headers, key: str
) -> None:
    headers = [(name.encode(), value.encode()) for name, value in ann.items()]
    headers.append((b"Idempotency-Key", key.encode("latin-1")))
    answered = await client.post("/pay/a", json={"amount": 1}, headers=headers)

    assert code(answered) == (400, "invalid_idempotency_key")
    assert till.begun == 0


async def test_two_keys_are_refused_and_the_longest_is_taken(
    client: httpx.AsyncClient, till: Till, ann: Headers
) -> None:
    two = [*ann.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert code(await client.post("/pay/a", json={"amount": 1}, headers=two)) == (400, "invalid_idempotency_key")
    assert (await send(client, ann, key="~" * 255)).status_code == 201


async def test_a_later_answer_replaces_the_stored_one(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers
) -> None:
    await send(client, ann)
    [key] = till.keys
    assert key is not None
    await replace_answer(engine, key, answer("Better.", {"status": "completed"}, 200))

    again = await send(client, ann)
    assert (again.status_code, again.json()["message"]) == (200, "Better.")
    assert again.headers["idempotent-replayed"] == "true"


async def test_answers_are_kept_for_30_days(
    client: httpx.AsyncClient, engine: AsyncEngine, till: Till, ann: Headers, clock: ClockMovedByHand
) -> None:
    await send(client, ann)
    clock.moment += KEPT
    assert await delete_expired_alone(engine, clock.now()) == 0
    clock.advance(seconds=1)

    assert await delete_expired_alone(engine, clock.now()) == 1
    assert await stored_keys(engine) == 0


def test_the_commit_has_its_crash_points() -> None:
    assert {"commit:tests.pay:before", "commit:tests.pay:after"} <= set(crash_points.declared())


async def test_the_header_is_documented(client: httpx.AsyncClient, till: Till) -> None:
    operation = (await client.get("/openapi.json")).json()["paths"]["/pay/{shop}"]["post"]

    assert [parameter["name"] for parameter in operation["parameters"]] == ["shop", "Idempotency-Key"]
