"""Events that are settled together: as if each had come alone, and none spoils another."""

import asyncio
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jobsphere.database import reading
from jobsphere.ledger.accounts import wallet_available, wallet_debt
from jobsphere.ledger.read import balances
from jobsphere.webhooks import process
from jobsphere.webhooks.failures import TRIES_IN_OUTAGE_MAX, TRIES_MAX
from tests.database.mail import Mail, paid
from tests.marketplace.market import usd


async def test_events_that_came_together_are_settled_by_one_database_transaction(mail: Mail) -> None:
    await paid(mail, 5)
    await mail.arrive("charge.updated", "d0")
    await mail.arrive("payment_intent.created", "d0")

    assert await mail.processing.settle() == 7

    statuses = [status for status, _, _ in (await mail.events()).values()]
    assert statuses == ["done"] * 6 + ["ignored"]
    for table in ("deposits", "journal_entries", "notifications", "charge_fees"):
        assert await mail.changes_of(table) == 1, table
    await mail.books_hold()


async def test_what_a_rule_refuses_is_left_out_of_its_batch(mail: Mail) -> None:
    before, wrong, after = await paid(mail, 3)
    await mail.do("UPDATE deposits SET amount_minor = 4999 WHERE id = :id", id=mail.deposits["d1"])

    await mail.settle()

    events = await mail.events()
    assert events[before][:2] == events[after][:2] == ("done", 1)
    assert events[wrong] == ("new", 1, f"UnexpectedAmount: deposit {mail.deposits['d1']}")
    assert await mail.changes_of("journal_entries") == 1


async def test_an_event_that_nobody_can_read_is_parked_and_the_others_are_settled(mail: Mail) -> None:
    good = await paid(mail, 2)
    await mail.store({"id": "evt_bad", "object": "event", "type": "payment_intent.succeeded", "data": {}})

    await mail.settle()

    events = await mail.events()
    assert {events[key][0] for key in good} == {"done"}
    assert events["evt_bad"] == ("parked", 1, "UnreadableObject: an event without an object")


async def test_what_postgresql_refuses_falls_out_alone_and_is_parked_after_its_last_try(mail: Mail) -> None:
    before, refused, after = await paid(mail, 3)
    # A charge that another deposit has already: no rule knows of it, a unique key does.
    await mail.do("UPDATE deposits SET charge_id = 'ch_d1' WHERE id = :id", id=mail.deposits["d0"])
    await mail.do("UPDATE deposits SET state = 'succeeded' WHERE id = :id", id=mail.deposits["d0"])

    await mail.settle()

    events = await mail.events()
    assert events[before][:2] == events[after][:2] == ("done", 1)
    assert events[refused] == ("new", 1, "IntegrityError")
    for _ in range(TRIES_MAX):
        mail.clock.advance(hours=1)
        await mail.settle()
    assert (await mail.events())[refused] == ("parked", TRIES_MAX, "IntegrityError")


async def test_what_failed_once_sends_no_others_on_the_slow_way(mail: Mail) -> None:
    [failed] = await paid(mail, 1)
    await mail.do("UPDATE webhook_events SET tries = 1, error = 'IntegrityError'")
    for name in ("e", "f"):
        await mail.deposit(name, await mail.market.customer("0.00"))
        await mail.arrive("payment_intent.succeeded", name)

    await mail.processing.settle()

    assert (await mail.events())[failed][:2] == ("done", 2)
    assert await mail.changes_of("journal_entries") == 2


async def test_events_of_one_deposit_in_a_batch_are_taken_one_after_another(mail: Mail) -> None:
    customer = await mail.market.customer("0.00")
    await mail.deposit("a", customer)
    canceled = await mail.arrive("payment_intent.canceled", "a")
    first = await mail.arrive("payment_intent.succeeded", "a")
    second = await mail.arrive("payment_intent.succeeded", "a")
    other = await mail.arrive("payment_intent.succeeded", "a", intent_id="pi_other")

    assert await mail.processing.settle() == 4

    events = await mail.events()
    assert [events[key][0] for key in (canceled, first, second, other)] == ["done"] * 3 + ["new"]
    assert (events[other][2] or "").startswith("OtherPaymentIntent: deposit ")
    notices = {row[3] for row in await mail.left_behind() if row[0] == "notice"}
    assert notices == {"Deposit canceled", "Deposit successful"}
    await mail.books_hold()


async def test_each_credit_of_a_batch_repays_what_it_would_have_repaid_alone(mail: Mail) -> None:
    customer = await mail.market.customer("0.00")
    await mail.owing(customer, "30.00", "40.00")
    for name in ("a", "b"):
        await mail.deposit(name, customer)
        await mail.arrive("payment_intent.succeeded", name)

    await mail.processing.settle()

    query = "SELECT e.reference, p.amount_minor FROM journal_entries AS e JOIN postings AS p ON p.entry_id = e.id"
    async with reading(mail.engine) as connection:
        repaid = await connection.execute(text(f"{query} WHERE e.reference LIKE 'debt:%' ORDER BY e.id"))
        assert [tuple(row) for row in repaid] == [
            (f"debt:{customer.id}:deposit:{mail.deposits['a']}:settle", 5000),
            (f"debt:{customer.id}:deposit:{mail.deposits['b']}:settle", 2000),
        ]
        held = await balances(connection, [wallet_available(customer.id, "usd"), wallet_debt(customer.id, "usd")])
    assert list(held.values()) == [usd("30.00"), usd("0.00")]


async def test_two_workers_at_once_settle_everything_once(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "TOGETHER_MAX", 7)
    customers = [await mail.market.customer("0.00") for _ in range(3)]
    for number in range(30):
        await mail.deposit(str(number), customers[number % 3])
        await mail.arrive("payment_intent.succeeded", str(number))

    await asyncio.gather(mail.settle(), mail.settle(), mail.settle())

    assert {status for status, _, _ in (await mail.events()).values()} == {"done"}
    async with reading(mail.engine) as connection:
        held = text("SELECT balance_minor FROM ledger_accounts WHERE name LIKE '%available'")
        assert list((await connection.execute(held)).scalars()) == [50_000] * 3
    await mail.books_hold()


async def test_an_event_whose_worker_never_comes_back_is_tried_alone_and_parked(mail: Mail) -> None:
    killer, *others = await paid(mail, 3)
    # As a worker leaves them that was killed: claimed, and nothing else.
    await process._claim(mail.engine, text("true"), mail.clock.now(), 10)  # type: ignore[arg-type]
    assert await mail.processing.settle() == 0
    assert await mail.processing.retry_left_over() == 0

    mail.clock.advance(minutes=1)
    await mail.do(
        "UPDATE webhook_events SET next_try_at = next_try_at - interval '1 s' WHERE event_key = :k", k=killer
    )
    assert await mail.processing.settle() == 0
    for _ in range(TRIES_MAX - 1):
        assert len(await process._claim(mail.engine, _is(killer), mail.clock.now(), 10)) == 1
        mail.clock.advance(minutes=1)
    while await mail.processing.retry_left_over():
        pass

    events = await mail.events()
    assert events[killer] == ("parked", TRIES_MAX + 1, f"NobodyCameBack: {TRIES_MAX} times")
    assert [events[key] for key in others] == [("done", 2, None)] * 2


def _is(key: str) -> Any:
    return text("event_key = :key").bindparams(key=key)


async def test_while_stripe_is_away_events_wait_for_days_and_others_go_on(mail: Mail) -> None:
    waiting = await mail.arrive("payment_intent.processing", "nobody")
    [good] = await paid(mail, 1)

    for _ in range(TRIES_MAX + 2):
        await mail.settle()
        await mail.processing.ask()
        mail.clock.advance(hours=1)

    events = await mail.events()
    assert events[good][0] == "done"
    assert events[waiting][:2] == ("new", TRIES_MAX + 2)
    await mail.do("UPDATE webhook_events SET tries = :tries WHERE status = 'new'", tries=TRIES_IN_OUTAGE_MAX - 1)
    await mail.processing.ask()
    assert (await mail.events())[waiting][:2] == ("parked", TRIES_IN_OUTAGE_MAX)


SUCCEEDED, CANCELED = "payment_intent.succeeded", "payment_intent.canceled"
REPORTS = st.lists(
    st.tuples(
        st.sampled_from([SUCCEEDED, SUCCEEDED, CANCELED]),
        st.sampled_from("abc"),
        st.sampled_from([5000, 5000, 5000, 4999]),
        st.sampled_from([None, None, "other"]),
    ),
    max_size=10,
)


@given(reports=REPORTS, debts=st.lists(st.sampled_from(["20.00", "60.00"]), max_size=2))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_batch_leaves_behind_what_its_events_leave_one_by_one(
    mail: Mail, reports: list[tuple[str, str, int, str | None]], debts: list[str]
) -> None:
    together = await _played(mail, reports, debts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "TOGETHER_MAX", 1)
        one_by_one = await _played(mail, reports, debts)

    assert together == one_by_one


async def _played(
    mail: Mail, reports: list[tuple[str, str, int, str | None]], debts: list[str]
) -> Counter[tuple[str, ...]]:
    """What the reports add to the database, on three deposits of two people that are new each time."""
    await mail.do("UPDATE webhook_events SET status = 'parked', next_try_at = NULL WHERE status = 'new'")
    before = Counter(await mail.left_behind())
    time_, mail.received = f"@{len(mail.deposits)}", 0
    first, second = await mail.market.customer("0.00"), await mail.market.customer("0.00")
    await mail.owing(first, *debts)
    for name, customer in (("a", first), ("b", first), ("c", second)):
        await mail.deposit(f"{name}{time_}", customer)
    for type_, name, received, other in reports:
        intent_id = f"pi_{name}_{other}{time_}" if other else None
        await mail.arrive(type_, f"{name}{time_}", received=received, intent_id=intent_id)
    await mail.settle()
    added = Counter(await mail.left_behind()) - before
    return Counter({tuple(_nameless(one, time_) for one in row): count for row, count in added.items()})


def _nameless(value: str | None, time_: str) -> str:
    return re.sub("[-0-9a-f]{36}", "<id>", str(value)).replace(time_, "")
