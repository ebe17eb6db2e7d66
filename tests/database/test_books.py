"""The proof of the books: it holds for what our verbs do, and finds each planted breach by the law it breaks."""

# ruff: noqa: S608 - every part of its SQL is a constant of this file

from dataclasses import asdict

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.reconciliation.audit import CHECKS, SHOWN_MAX, prove
from tests.conftest import Databases
from tests.database.history import History, live_through
from tests.database.postgres import run_program
from tests.docs.pages import REPOSITORY
from tests.marketplace.market import Market

VERIFY = REPOSITORY / "docs" / "verify.sql"
# Owners can do this; the application cannot, and nobody does it by accident.
UNGUARDED = [
    f"ALTER TABLE {table} DISABLE TRIGGER USER"
    for table in ("balance_parts", "debts", "journal_entries", "ledger_accounts", "offers", "webhook_events")
]
# Two months before the history, which is at the first moment of the clock.
BACK = "timestamptz '2025-11-01 00:00Z'"


def moved(debit: str, credit: str, *, minor: int = 1, reference: str = "offer:{customer}:damage") -> str:
    """An entry that no verb made; the triggers on postings move the stored balances along."""
    return f"""
        WITH entry AS (
            INSERT INTO journal_entries (reference, posting_count) VALUES ('{reference}', 1) RETURNING id
        )
        INSERT INTO postings (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
        SELECT entry.id, 1, debit.id, credit.id, {minor}, 'usd'
        FROM entry, ledger_accounts AS debit, ledger_accounts AS credit
        WHERE debit.name = '{debit}' AND debit.currency = 'usd'
          AND credit.name = '{credit}' AND credit.currency = 'usd'
    """


def account(name: str, currency: str = "usd") -> str:
    return f"""
        INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)
        VALUES ('{name}', '{currency}', 'credit', true)
    """


FEES = "platform:platform_fees"
# Of somebody who owes nothing, so that nothing else is wrong with money in it.
WALLET = "wallet:{contractor}:available"
# For each law what breaks it and it alone, told in statements of SQL.
BREACHES: dict[str, list[list[str]]] = {
    "every journal entry has all its postings": [
        ["UPDATE journal_entries SET posting_count = 2 WHERE reference LIKE 'deposit:%'"],
        ["INSERT INTO journal_entries (reference, posting_count) VALUES ('offer:{customer}:damage', 1)"],
    ],
    "debits equal credits in every currency": [
        [
            account(FEES, "eur"),
            "ALTER TABLE postings DISABLE TRIGGER USER",
            f"""
            UPDATE postings SET credit_account_id = (
                SELECT id FROM ledger_accounts WHERE name = '{FEES}' AND currency = 'eur')
            WHERE credit_account_id = (SELECT id FROM ledger_accounts WHERE name = '{FEES}' AND currency = 'usd')
            """,
            f"""
            UPDATE balance_parts SET account_id = (
                SELECT id FROM ledger_accounts WHERE name = '{FEES}' AND currency = 'eur')
            WHERE account_id = (SELECT id FROM ledger_accounts WHERE name = '{FEES}' AND currency = 'usd')
            """,
        ]
    ],
    "every stored balance is the sum of its postings": [
        [f"UPDATE ledger_accounts SET balance_minor = balance_minor {change}"]
        for change in ("+ 1", "- balance_minor + 7")
    ]
    + [
        [
            "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_guarded_has_its_balance",
            f"UPDATE ledger_accounts SET balance_minor = {stored} WHERE may_go_below_zero = {shared}",
        ]
        for stored, shared in (("NULL", "false"), ("0", "true"))
    ]
    + [
        ["UPDATE balance_parts SET balance_minor = balance_minor + 1"],
        ["DELETE FROM balance_parts"],
        [
            "INSERT INTO balance_parts (account_id, balance_minor)"
            " SELECT id, 0 FROM ledger_accounts WHERE name LIKE 'wallet:%'"
        ],
    ],
    "no account of a person, offer or withdrawal is below zero": [
        [
            "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_never_negative",
            moved(WALLET, FEES, minor=100_000_000),
        ]
    ],
    "nothing is left in suspense": [[account("suspense"), moved(FEES, "suspense")]],
    "every journal entry is of a deed that JobSphere does": [
        [moved(FEES, WALLET, reference="gift:1")],
        [moved(FEES, WALLET, reference="deposit:{customer}:settle:again")],
    ],
    "what is at Stripe, on connected accounts and under way to banks is what the deeds say": [
        [moved("stripe:balance", FEES)],
        [moved(FEES, "stripe:balance")],
    ],
    "no event about money waits for a person": [
        [
            """
            INSERT INTO webhook_events (event_key, source, type, payload, received_at, status, tries, error)
            VALUES ('evt_1', 'platform', 'payout.paid', '', now(), 'parked', 1, 'UnexpectedAmount')
            """
        ]
    ],
    "escrow is what was promised and neither released nor returned": [
        [moved("offer:{open_offer}:escrow", WALLET)],
        [moved(FEES, "offer:{open_offer}:escrow")],
        [moved("offer:{accepted_offer}:escrow", WALLET)],
        [moved(FEES, "offer:{accepted_offer}:escrow")],
        [moved(FEES, "offer:{completed_offer}:escrow")],
    ],
    "what is in transit belongs to withdrawals that are not over": [
        [moved("withdrawal:{open_withdrawal}:in_transit", WALLET)],
        [moved(FEES, "withdrawal:{open_withdrawal}:in_transit")],
        [moved(FEES, "withdrawal:{paid_withdrawal}:in_transit")],
    ],
    "what is in transit to cards belongs to refunds that Stripe has not taken": [
        [moved("refund:{open_refund}:in_transit", WALLET)],
        [moved(FEES, "refund:{open_refund}:in_transit")],
    ],
    "no deposit is refunded more than was paid": [
        ["UPDATE deposits SET refunded_minor = refunded_minor - 1 WHERE id = '{settled_deposit}'"],
        [
            "ALTER TABLE deposits DROP CONSTRAINT deposits_never_refunded_more_than_paid",
            "UPDATE deposits SET refunded_minor = amount_minor + 1 WHERE id = '{settled_deposit}'",
        ],
    ],
    "what disputes hold is what was frozen for them, and what Stripe took and nobody bore": [
        [moved("dispute:{open_dispute}:frozen", WALLET)],
        [moved(FEES, "dispute:{open_dispute}:frozen")],
        [moved("dispute:{open_dispute}:contested", WALLET)],
        ["UPDATE dispute_parts SET state = 'thawed'"],
        ["UPDATE disputes SET state = 'won'"],
    ],
    "every debt has its origin, and no wallet holds money while it owes": [
        [moved("wallet:{customer}:debt", FEES)],
        [moved(FEES, "wallet:{customer}:debt")],
        ["UPDATE debts SET repaid_minor = repaid_minor + 1"],
        [moved(FEES, "wallet:{customer}:available")],
    ],
    "every deposit that succeeded is credited once, and no other is": [
        [
            "UPDATE journal_entries SET reference = 'offer:{customer}:damage'"
            " WHERE reference = 'deposit:{settled_deposit}:settle'"
        ],
        [moved(FEES, WALLET, reference="deposit:{open_deposit}:settle")],
    ],
    "what Stripe keeps of a charge is booked once, as Stripe said": [
        ["DELETE FROM charge_fees WHERE id = '{settled_deposit}'"],
        [moved(FEES, "platform:service_fees", reference="deposit:{settled_deposit}:fee")],
    ],
    "people see as completed what the ledger says is completed": [
        ["UPDATE transactions SET status = 'completed', completed_at = now() WHERE id = '{" + id_ + "}'"]
        for id_ in ("open_deposit", "open_withdrawal")
    ]
    + [["UPDATE transactions SET status = 'pending', completed_at = NULL WHERE id = '{settled_deposit}'"]],
    "nothing waits for longer than it may": [
        [f"UPDATE deposits SET attempted_at = {BACK} WHERE id = '{{open_deposit}}'"],
        [f"UPDATE deposits SET attempted_at = {BACK}, state = 'declined' WHERE id = '{{open_deposit}}'"],
        [f"UPDATE deposits SET created_at = {BACK}, state = 'processing' WHERE id = '{{open_deposit}}'"],
        [f"UPDATE charge_fees SET created_at = {BACK} WHERE id = '{{settled_deposit}}'"],
        [f"UPDATE withdrawals SET created_at = {BACK} WHERE id = '{{open_withdrawal}}'"],
        [
            f"UPDATE offers SET created_at = {BACK}, expires_at = {BACK} + interval '1 day'"
            " WHERE id = '{open_offer}'"
        ],
        [
            f"""
            INSERT INTO webhook_events (event_key, source, type, payload, received_at, status, next_try_at)
            VALUES ('evt_1', 'platform', 'payout.paid', '', {BACK}, 'new', now())
            """
        ],
    ],
}
# Which of them docs/verify.sql finds, by the heading of its query.
VERIFIED = {
    "every journal entry has all its postings": "Journal entries without all their postings",
    "debits equal credits in every currency": "Currencies in which debits and credits differ",
    "no account of a person, offer or withdrawal is below zero": "Stored balances that are not the sum",
    "escrow is what was promised and neither released nor returned": "Offers whose escrow",
    "what is in transit belongs to withdrawals that are not over": "Withdrawals whose money",
    "what Stripe keeps of a charge is booked once, as Stripe said": "Deposits whose processing fee",
    "what is in transit to cards belongs to refunds that Stripe has not taken": "Refunds whose money",
}


@pytest.fixture
async def history(engine: AsyncEngine, clock: ClockMovedByHand, ids: IdsFromSeed) -> History:
    return await live_through(Market(engine, clock, ids))


async def plant(owner_engine: AsyncEngine, history: History, statements: list[str]) -> None:
    async with owner_engine.begin() as connection:
        for statement in [*UNGUARDED, *statements]:
            names = {name: str(value) for name, value in asdict(history).items()}
            await connection.exec_driver_sql(statement.format(**names))


async def broken(engine: AsyncEngine, clock: ClockMovedByHand) -> list[str]:
    proof = await prove(engine, now=clock.now())
    laws = [result.law for result in proof.results if result.breaches]
    assert proof.holds is not bool(laws)
    return laws


def queries(databases: Databases, engine: AsyncEngine) -> dict[str, str]:
    """What ``docs/verify.sql`` prints, by heading."""
    assert engine.url.database is not None
    heading, found = "", dict[str, str]()
    lines = run_program("psql", databases, engine.url.database, "--no-psqlrc", "--file", VERIFY).splitlines()
    for line in lines:
        if f"\\echo '{line}'" in VERIFY.read_text():
            heading = line
        elif heading:
            found[heading] = found.get(heading, "") + line + "\n"
    return found


async def test_the_books_of_an_honest_history_hold(
    engine: AsyncEngine, history: History, clock: ClockMovedByHand
) -> None:
    proof = await prove(engine, now=clock.now())

    assert proof.holds, [result for result in proof.results if result.breaches]
    assert proof.covered["entries"] == 24
    assert proof.covered["postings"] > proof.covered["entries"]


async def test_empty_books_hold(engine: AsyncEngine, clock: ClockMovedByHand) -> None:
    assert await broken(engine, clock) == []


def test_a_breach_of_every_law_is_planted() -> None:
    assert list(BREACHES) == [check.law for check in CHECKS]


@pytest.mark.parametrize(
    ("law", "statements"), [(law, planted) for law, breaches in BREACHES.items() for planted in breaches]
)
async def test_a_breach_is_found_by_the_law_it_breaks_and_by_no_other(
    engine: AsyncEngine,
    owner_engine: AsyncEngine,
    history: History,
    clock: ClockMovedByHand,
    law: str,
    statements: list[str],
) -> None:
    await plant(owner_engine, history, statements)

    assert await broken(engine, clock) == [law]


async def test_of_many_breaches_only_some_are_shown(
    engine: AsyncEngine, owner_engine: AsyncEngine, clock: ClockMovedByHand, history: History
) -> None:
    many = (
        "INSERT INTO journal_entries (reference, posting_count)"
        " SELECT 'refund:{customer}:made:' || n, 1 FROM generate_series(1, 100) AS n"
    )
    await plant(owner_engine, history, [many])

    [result] = [result for result in (await prove(engine, now=clock.now())).results if result.breaches]

    assert len(result.breaches) == SHOWN_MAX


async def test_verify_sql_finds_nothing_in_an_honest_history(
    databases: Databases, engine: AsyncEngine, history: History
) -> None:
    found = queries(databases, engine)

    assert len(found) == 10
    assert {answer.count("(0 rows)") for answer in found.values()} == {1}


@pytest.mark.parametrize(("law", "statements"), [(law, planted) for law in VERIFIED for planted in BREACHES[law]])
async def test_verify_sql_finds_what_breaks_the_core(
    databases: Databases,
    engine: AsyncEngine,
    owner_engine: AsyncEngine,
    history: History,
    law: str,
    statements: list[str],
) -> None:
    await plant(owner_engine, history, statements)

    found = queries(databases, engine)

    [heading] = [heading for heading, answer in found.items() if "(0 rows)" not in answer]
    assert heading.startswith(VERIFIED[law])


@pytest.mark.parametrize("statement", ["SET balance_minor = balance_minor + 1", "SET balance_minor = 700"])
async def test_verify_sql_finds_a_stored_balance_that_is_not_the_sum(
    databases: Databases, engine: AsyncEngine, owner_engine: AsyncEngine, history: History, statement: str
) -> None:
    await plant(owner_engine, history, [f"UPDATE ledger_accounts {statement} WHERE name = '{WALLET}'"])

    found = queries(databases, engine)

    [heading] = [heading for heading, answer in found.items() if "(0 rows)" not in answer]
    assert heading.startswith("Stored balances that are not the sum")


async def test_verify_sql_finds_accounts_without_their_stored_balance(
    databases: Databases, engine: AsyncEngine, owner_engine: AsyncEngine, history: History
) -> None:
    await plant(
        owner_engine,
        history,
        [
            "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_guarded_has_its_balance",
            f"UPDATE ledger_accounts SET balance_minor = NULL WHERE name = '{WALLET}'",
        ],
    )

    found = queries(databases, engine)

    [heading] = [heading for heading, answer in found.items() if "(0 rows)" not in answer]
    assert heading.startswith("Accounts of people")
