"""Events that are settled together: as if each had come alone, and none spoils another."""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import reading
from jobsphere.deposits.start import start
from jobsphere.identity.people import User
from jobsphere.ledger.accounts import stripe_balance, wallet_available, wallet_debt
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.ledger.read import balances
from jobsphere.ledger.record import record
from jobsphere.reconciliation.audit import prove
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.wallets.debts import DebtOrigin, owe
from jobsphere.webhooks import process
from jobsphere.webhooks.envelope import open_envelope
from jobsphere.webhooks.failures import TRIES_IN_OUTAGE_MAX, TRIES_MAX
from jobsphere.webhooks.process import Processing
from jobsphere.webhooks.receive import Arrived, Inbox, Source
from tests.database.history import LIMITS
from tests.marketplace.market import Market, usd

# Everything that a deposit leaves behind, without ids of rows: what it is called is in it.
LEFT_BEHIND = """
    SELECT 'deposit', d.payment_intent_id, d.state, d.charge_id, d.failure_code, d.attempts_ended::text
    FROM deposits AS d
    UNION ALL SELECT 'attempt', d.payment_intent_id, a.state, a.charge_id, a.failure_code, a.number::text
    FROM deposit_attempts AS a JOIN deposits AS d ON d.id = a.deposit_id
    UNION ALL SELECT 'transaction', t.type, t.status, t.stripe_charge_id, t.stripe_payment_intent_id,
        concat_ws(' ', t.failure_reason, t.amount_minor)
    FROM transactions AS t
    UNION ALL SELECT 'fee', d.payment_intent_id, f.state, f.charge_id, f.currency, f.tries::text
    FROM charge_fees AS f JOIN deposits AS d ON d.id = f.id
    UNION ALL SELECT 'notice', d.payment_intent_id, n.type, n.title, n.body, split_part(n.reference, ':', 3)
    FROM notifications AS n JOIN deposits AS d ON d.id::text = n.data ->> 'depositId'
    UNION ALL SELECT 'audit', d.payment_intent_id, a.action, NULL, NULL, NULL
    FROM audit_log AS a JOIN deposits AS d ON a.subject = 'deposit:' || d.id
    UNION ALL SELECT 'entry', regexp_replace(e.reference, '[-0-9a-f]{36}', '<id>', 'g'), p.amount_minor::text,
        regexp_replace(debit.name, '[-0-9a-f]{36}', '<id>'), regexp_replace(credit.name, '[-0-9a-f]{36}', '<id>'),
        p.position::text
    FROM postings AS p JOIN journal_entries AS e ON e.id = p.entry_id
    JOIN ledger_accounts AS debit ON debit.id = p.debit_account_id
    JOIN ledger_accounts AS credit ON credit.id = p.credit_account_id
    UNION ALL SELECT 'debt', amount_minor::text, repaid_minor::text, NULL, NULL, NULL FROM debts
    UNION ALL SELECT 'event', event_key, status, error, NULL, open_claims::text FROM webhook_events
"""


@dataclass(slots=True)
class Mail:
    """People with deposits, and events about them on their way through the inbox."""

    market: Market
    engine: AsyncEngine
    clock: ClockMovedByHand
    ids: IdsFromSeed
    stripe: StripeGateway
    deposits: dict[str, UUID] = field(default_factory=dict)
    received: int = 0

    @property
    def processing(self) -> Processing:
        return Processing(self.engine, self.stripe, self.clock, self.ids)

    async def deposit(self, name: str, customer: User, amount: str = "50.00") -> None:
        """One whose PaymentIntent we do not know yet; its name is what it is called at Stripe."""
        id_ = self.deposits[name] = self.ids.new()
        await self.market.do(
            lambda connection: start(
                connection,
                deposit_id=id_,
                user_id=customer.id,
                amount=usd(amount),
                payment_method_id="pm_card_visa",
                limits=LIMITS,
                now=self.clock.now(),
                lease_seconds=0,
            )
        )

    async def owing(self, customer: User, *debts: str) -> None:
        """Let the wallet owe: its money was spent, and went back to a card."""

        async def work(connection: AsyncConnection) -> None:
            for debt in debts:
                self.clock.advance(seconds=1)
                posting = Posting(wallet_debt(customer.id, "usd"), stripe_balance("usd"), usd(debt))
                entry = Entry(f"refund:{self.ids.new()}:made", (posting,))
                await record(connection, [entry])
                origin = (DebtOrigin.REFUND, self.ids.new())
                reference, now = entry.reference, self.clock.now()
                await owe(connection, customer.id, usd(debt), *origin, reference=reference, now=now)

        await self.market.do(work)

    async def arrive(self, type_: str, name: str, *, received: int = 5000, intent_id: str | None = None) -> str:
        """An event about that deposit; returns its id."""
        self.received += 1
        self.clock.advance(milliseconds=1)
        key = f"evt_{self.received}_{name}"
        stripe_object = {
            "id": intent_id or f"pi_{name}",
            "object": "payment_intent",
            "status": type_.rpartition(".")[2],
            "amount": 5000,
            "amount_received": received,
            "currency": "usd",
            "latest_charge": f"ch_{intent_id or name}",
            "metadata": {"deposit_id": str(self.deposits[name])} if name in self.deposits else {},
        }
        if type_ == "charge.updated":
            stripe_object = {"id": f"ch_{name}", "object": "charge"}
        await self.store({"id": key, "object": "event", "type": type_, "data": {"object": stripe_object}})
        return key

    async def store(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        envelope = open_envelope(body, livemode=False)
        await Inbox(self.engine).store(Arrived(envelope, body, Source.PLATFORM, self.clock.now()))

    async def settle(self) -> None:
        """Let the worker do all that is due now."""
        while await self.processing.settle():
            pass

    async def events(self) -> dict[str, tuple[str, int, str | None]]:
        """Status, tries and error of each."""
        query = text("SELECT event_key, status, tries, error FROM webhook_events ORDER BY id")
        async with reading(self.engine) as connection:
            return {key: (status, tries, error) for key, status, tries, error in await connection.execute(query)}

    async def left_behind(self) -> list[Any]:
        async with reading(self.engine) as connection:
            return sorted(map(tuple, await connection.execute(text(LEFT_BEHIND))), key=repr)

    async def changes_of(self, table: str) -> int:
        """How many database transactions wrote the rows that are there."""
        query = text(f"SELECT count(DISTINCT xmin::text) FROM {table}")  # noqa: S608
        async with reading(self.engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def do(self, statement: str, **values: Any) -> None:
        await self.market.do(lambda connection: connection.execute(text(statement), values))

    async def books_hold(self) -> None:
        assert (await prove(self.engine, now=self.clock.now())).holds


@pytest.fixture
def stripe() -> StripeGateway:
    """Where nobody answers: these events need nothing of it."""
    return StripeGateway(secret_key="sk_test_none", api_base="http://127.0.0.1:9", timeout_seconds=1)


@pytest.fixture
def mail(engine: AsyncEngine, clock: ClockMovedByHand, ids: IdsFromSeed, stripe: StripeGateway) -> Mail:
    return Mail(Market(engine, clock, ids), engine, clock, ids, stripe)


async def paid(mail: Mail, count: int) -> list[str]:
    """Deposits of one person each, every one with the event that it succeeded."""
    names = [f"d{number}" for number in range(count)]
    for name in names:
        await mail.deposit(name, await mail.market.customer("0.00"))
    return [await mail.arrive("payment_intent.succeeded", name) for name in names]


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
