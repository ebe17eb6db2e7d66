"""How often a request of the hot paths asks PostgreSQL, and why; the same for one row and for fifty."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.identity.people import User
from jobsphere.ledger.accounts import platform_fees, stripe_balance
from jobsphere.marketplace.job import Job
from jobsphere.wallets import transactions
from jobsphere.wallets.transactions import Transaction, TransactionStatus, TransactionType

from .conftest import Call
from .market import Market, usd


class Asked:
    """What went to PostgreSQL, and what SQLAlchemy and its pool send of themselves: BEGIN, COMMIT, resets."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.statements: list[str] = []
        event.listen(engine.sync_engine, "connect", self._connected)
        event.listen(engine.sync_engine, "before_cursor_execute", self._executing)

    def _connected(self, connection: Any, _record: Any) -> None:
        # Hears of what the driver sends as plain text: BEGIN, COMMIT and ROLLBACK, whoever asked for them.
        connection.driver_connection.add_query_logger(lambda record: self.statements.append(record.query))

    def _executing(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(" ".join(statement.split()))

    @contextmanager
    def during(self) -> Iterator[list[str]]:
        self.statements.clear()
        found: list[str] = []
        yield found
        found += self.statements


@pytest.fixture
async def asked(engine: AsyncEngine, market: Market) -> Asked:
    await market.move(stripe_balance("usd"), platform_fees("usd"), usd("1.00"))  # opened once for all offers
    asked = Asked(engine)
    await engine.dispose()  # connections made before would not be listened to
    return asked


# Each line is one round trip: how it begins, and what nobody could do without.
CALLER = ("SELECT users.id", "who calls, as they are now; requests that come together ask together")
BALANCES = ("SELECT w.user_id", "what the caller may spend, and what waits on their offers")
KEY = ("SELECT pg_try_advisory_xact_lock", "nobody else uses the key, and there is no answer under it")
KEPT = ("INSERT INTO idempotency_keys", "the answer, for who repeats the request")
TOLD = [
    ("INSERT INTO transactions", "what people see of their money"),
    ("INSERT INTO notifications", "what the other side is told"),
    ("INSERT INTO audit_log", "who did it"),
    BALANCES,
    KEPT,
    ("COMMIT", "for good"),
]
# All of it once for as many offers as are sent at the same time, in one database transaction.
SEND = [
    CALLER,
    ("BEGIN", "all or nothing"),
    KEY,
    ("SELECT jobs.id", "the job, locked"),
    ("SELECT wallets.id", "the contractor's wallet, if they are active"),
    ("SELECT wallets.id", "the customer's wallet, locked against freezes"),
    ("INSERT INTO offers", "the offer"),
    ("SELECT account_id", "the ledger finds no account for its escrow"),
    ("INSERT INTO ledger_accounts", "and opens it"),
    ("SELECT account_id", "locks the balances"),
    ("WITH written AS", "and writes entry and postings"),
    *TOLD,
]
ACCEPT = [
    CALLER,
    ("BEGIN", "all or nothing"),
    KEY,
    ("SELECT jobs.id", "the job, locked"),
    ("SELECT offers.id", "the offer and its rivals, locked"),
    ("SELECT a.name", "the money is all there"),
    ("UPDATE offers", "all of them are answered"),
    ("UPDATE jobs", "the job is assigned"),
    ("SELECT account_id", "the ledger locks the balances"),
    ("WITH written AS", "and writes entries and postings"),
    *TOLD,
]
REPAID = ("SELECT debts.id", "what those owe to whom money of other offers returns")
WALLET = [
    CALLER,
    ("SELECT wallets.id", "the wallet"),
    BALANCES,
    ("SELECT anon_1", "what went through it"),
    ("SELECT debts.id", "what it owes"),
]
PAGE = [CALLER, ("SELECT wallets.id", "which wallet"), ("SELECT anon_1", "the page")]


def as_written(statements: Sequence[str], expected: Sequence[tuple[str, str]]) -> bool:
    # BEGIN goes out with the first statement, of which we hear before it does.
    said = sorted(statements)
    return len(said) == len(expected) and all(
        statement.startswith(beginning)
        for statement, beginning in zip(said, sorted(beginning for beginning, _ in expected), strict=True)
    )


async def send(market: Market, call: Call, customer: User, job: Job, contractor: User) -> dict[str, Any]:
    body = {"jobId": str(job.id), "contractorId": str(contractor.id), "amount": "5.00"}
    status, answered = await call(customer, "POST", "/api/offers", body, key=str(market.ids.new()))
    assert status == 201
    offer: dict[str, Any] = answered["data"]["offer"]
    return offer


async def test_an_offer_is_sent_in_17_round_trips(asked: Asked, market: Market, call: Call) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    await send(market, call, customer, job, contractor)  # a connection looks up its types once

    with asked.during() as statements:
        await send(market, call, customer, job, contractor)

    assert as_written(statements, SEND), statements


async def test_offers_that_are_sent_together_share_them(asked: Asked, market: Market, call: Call) -> None:
    customers = [await market.customer() for _ in range(9)]
    jobs = [await market.post(customer) for customer in customers]
    contractor = await market.contractor()

    with asked.during() as statements:
        await asyncio.gather(
            *(send(market, call, customer, job, contractor) for customer, job in zip(customers, jobs, strict=True))
        )

    # The first goes at once; those that come meanwhile go together, after a look whether each can pay.
    assert statements.count("COMMIT;") < len(customers)
    assert len(statements) < len(customers) * len(SEND) / 2


async def test_an_offer_is_accepted_in_16_round_trips(asked: Asked, market: Market, call: Call) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    offer = await send(market, call, customer, await market.post(customer), contractor)

    with asked.during() as statements:
        assert (await call(contractor, "POST", f"/api/offers/{offer['id']}/accept", key="a"))[0] == 200

    assert as_written(statements, ACCEPT), statements


@pytest.mark.parametrize("rivals", [1, 9])
async def test_other_offers_for_the_job_cost_one_more_however_many_they_are(
    asked: Asked, market: Market, call: Call, rivals: int
) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    offer = await send(market, call, customer, job, contractor)
    for _ in range(rivals):
        await send(market, call, customer, job, await market.contractor())

    with asked.during() as statements:
        assert (await call(contractor, "POST", f"/api/offers/{offer['id']}/accept", key="a"))[0] == 200

    assert as_written(statements, [*ACCEPT, REPAID]), statements


@pytest.mark.parametrize("rows", [1, 50])
async def test_a_wallet_is_read_in_5_and_a_page_of_transactions_in_3(
    asked: Asked, market: Market, call: Call, rows: int
) -> None:
    customer = await market.customer()
    await market.do(lambda connection: transactions.write(connection, *seen(market, customer, rows)))

    with asked.during() as of_wallet:
        assert (await call(customer, "GET", "/api/wallet"))[0] == 200
    with asked.during() as of_page:
        _, page = await call(customer, "GET", "/api/wallet/transactions?limit=100")

    assert as_written(of_wallet, WALLET), of_wallet
    assert as_written(of_page, PAGE), of_page
    assert len(page["data"]["transactions"]) == rows


def seen(market: Market, customer: User, rows: int) -> list[Transaction]:
    now, hold, done = market.clock.now(), TransactionType.ESCROW_HOLD, TransactionStatus.COMPLETED
    return [
        Transaction(market.ids.new(), hold, usd("5.00"), customer.id, None, done, "Held", now, now)
        for _ in range(rows)
    ]
