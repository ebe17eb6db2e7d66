"""Whatever Stripe sends is answered 2xx when it is signed, kept, and never breaks the worker or the books."""

import json
from collections import Counter
from typing import Any

import structlog
from sqlalchemy import func, select

from jobsphere.database import reading
from jobsphere.identity.people import Role
from jobsphere.reconciliation.audit import prove
from jobsphere.webhooks.handlers import HANDLERS
from jobsphere.webhooks.receive import Source
from jobsphere.webhooks.tables import webhook_events
from tests.journeys.conftest import CONNECT_SECRET, WEBHOOK_SECRET, JobSphere
from tests.journeys.event_shapes import Shapes, bodies_of_no_event, event_types, recorded, types_of
from tests.journeys.test_deposits import signed
from tests.journeys.test_withdrawals import withdrawn

PLATFORM, CONNECT = "/api/webhooks/stripe", "/api/webhooks/stripe/connect"
SEED = 20260
# The law that parked events break on purpose, so that `jobsphere check` tells of them.
PARKED_WAIT = "no event about money waits for a person"
# Of each handled type; a payment intent alone has a hundred.
SHAPES_MAX = 12


async def post(jobsphere: JobSphere, path: str, body: bytes) -> int:
    headers = signed(
        body, WEBHOOK_SECRET if path == PLATFORM else CONNECT_SECRET, jobsphere.clock.now().timestamp()
    )
    return (await jobsphere.http.post(path, content=body, headers=headers)).status_code


async def statuses(jobsphere: JobSphere) -> Counter[str]:
    async with reading(jobsphere.engine) as connection:
        query = select(webhook_events.c.status, func.count().label("total")).group_by(webhook_events.c.status)
        return Counter({row.status: row.total for row in await connection.execute(query)})


async def settled(jobsphere: JobSphere) -> Counter[str]:
    """How many events are done, ignored and parked, once none is left; time passes for those tried again."""
    for _ in range(40):
        found = await statuses(jobsphere)
        if not found["new"]:
            return found
        jobsphere.clock.advance(minutes=5)
        jobsphere.worker.wake()
        await _a_round(jobsphere, found["new"])
    async with reading(jobsphere.engine) as connection:
        query = select(webhook_events.c.type, webhook_events.c.error, webhook_events.c.payload)
        left = (await connection.execute(query.where(webhook_events.c.status == "new"))).all()
    raise AssertionError(f"not settled: {left}")


async def _a_round(jobsphere: JobSphere, before: int) -> None:
    async def nothing_is_due() -> bool:
        async with reading(jobsphere.engine) as connection:
            due = webhook_events.c.next_try_at <= jobsphere.clock.now()
            query = select(func.count()).select_from(webhook_events).where(due)
            return (await connection.execute(query)).scalar_one() == 0

    await jobsphere.until(f"{before} events are tried", nothing_is_due)


async def ours(jobsphere: JobSphere) -> tuple[dict[str, dict[str, Any]], str]:
    """Objects of Stripe's that JobSphere knows, as the sandbox shows them, and the account of a contractor."""
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = await withdrawn(contractor)
    sent = await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]

    async def ask(path: str, account: str | None = None) -> Any:
        headers = {"Authorization": "Bearer sk_test_sandbox"} | ({"Stripe-Account": account} if account else {})
        answer = await jobsphere.http.get(f"{jobsphere.sandbox_url}/v1/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    [charge] = (await ask("charges"))["data"]
    found = {
        "charge": charge,
        "payment_intent": await ask(f"payment_intents/{charge['payment_intent']}"),
        "transfer": await ask(f"transfers/{sent['transferId']}"),
        "payout": await ask(f"payouts/{sent['payoutId']}", account_id),
        "account": await ask(f"accounts/{account_id}"),
    }
    return found, account_id


async def test_events_of_every_type_and_shape_are_kept_and_break_nothing(jobsphere: JobSphere) -> None:
    known, account_id = await ours(jobsphere)
    before = await statuses(jobsphere)
    shapes = Shapes(SEED, known, account_id)
    sent = _all_events(shapes)

    with structlog.testing.capture_logs() as logs:
        answers = Counter([await post(jobsphere, path, json.dumps(event).encode()) for path, event in sent])
        found = await settled(jobsphere)

    assert answers == {200: len(sent)}
    assert len({event["type"] for _, event in sent}) > 250
    assert found.total() == before.total() + len(sent)
    assert found["parked"] > 0
    assert found["ignored"] > 250
    worker_errors = {line["event"] for line in logs if line["log_level"] == "error"} - {"webhook.parked"}
    assert worker_errors == set()
    admin = await jobsphere.person(Role.ADMIN)
    shown = (await admin.data("/api/admin/webhook-events/parked"))["events"]
    assert all(event["error"] for event in shown)
    proof = await prove(jobsphere.engine, now=jobsphere.clock.now())
    assert {result.law for result in proof.results if result.breaches} == {PARKED_WAIT}


def _all_events(shapes: Shapes) -> list[tuple[str, dict[str, Any]]]:
    """Every type once on each endpoint or as made for it, every handled type in many spoiled shapes."""
    events = []
    for type_ in event_types():
        handler = HANDLERS.get(type_)
        connect = handler is not None and handler.source is Source.CONNECT
        path = CONNECT if connect else PLATFORM
        objects = list(shapes.objects(type_))
        if handler is None:
            del objects[1:]
        elif len(objects) > SHAPES_MAX:
            objects = [objects[0], *shapes.chance.sample(objects, SHAPES_MAX)]
        events += [(path, shapes.event(type_, about, connect=connect)) for about in objects]
        # At the wrong endpoint, of the wrong account, or of none.
        events.append((PLATFORM if connect else CONNECT, shapes.event(type_, objects[0], connect=connect)))
        events.append((CONNECT, shapes.event(type_, objects[0], connect=not connect)))
    for real in recorded():
        events += [(PLATFORM, shapes.event(type_, real, connect=False)) for type_ in types_of(real["object"])[:4]]
    return events


async def test_signed_garbage_is_kept_and_shown_to_an_admin(jobsphere: JobSphere) -> None:
    bodies = bodies_of_no_event(SEED)

    with structlog.testing.capture_logs() as logs:
        answers = [await post(jobsphere, PLATFORM, body) for body in bodies]
        found = await settled(jobsphere)

    assert set(answers) == {200}
    # The padded one is an event of a type that nobody handles.
    assert found == {"parked": len(bodies) - 1, "ignored": 1}
    assert {line["event"] for line in logs if line["log_level"] == "error"} == {"webhook.parked"}
    async with reading(jobsphere.engine) as connection:
        kept = set((await connection.execute(select(webhook_events.c.payload))).scalars())
    assert kept == set(bodies)
    admin = await jobsphere.person(Role.ADMIN)
    shown = (await admin.data("/api/admin/webhook-events/parked"))["events"]
    assert len(shown) == len(bodies) - 1
    assert all(event["error"] for event in shown)
