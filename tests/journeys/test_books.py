"""The proof of the books: an honest history holds, and a breach of each law is found by that law."""
# ruff: noqa: S608 - every part of the SQL is a constant of this file

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.reconciliation.audit import CHECKS, prove
from tests.conftest import Databases
from tests.database.postgres import run_program
from tests.docs.pages import REPOSITORY
from tests.journeys.conftest import JobSphere
from tests.journeys.test_withdrawals import withdrawn

UNGUARDED = "ALTER TABLE {0} DISABLE TRIGGER USER; "
NOBODY = "00000000-0000-0000-0000-000000000000"
# An entry with one posting from any account to another, past every guard.
POSTING = """
    ALTER TABLE postings DISABLE TRIGGER USER;
    ALTER TABLE postings DROP CONSTRAINT postings_credit_account_id_currency_fkey;
    WITH entry AS (
        INSERT INTO journal_entries (reference, posting_count) VALUES ('{reference}', 1) RETURNING id
    )
    INSERT INTO postings (entry_id, position, debit_account_id, credit_account_id, amount_minor, currency)
    SELECT entry.id, 1, debit.id, credit.id, 100000, 'usd'
    FROM entry, ledger_accounts AS debit, ledger_accounts AS credit
    WHERE debit.name LIKE '{debit}' AND debit.currency = 'usd'
      AND credit.name LIKE '{credit}' AND credit.currency = '{currency}'
    ORDER BY debit.id, credit.id LIMIT 1;
"""


def posting(debit: str, credit: str, currency: str = "usd") -> str:
    reference = f"deposit:{NOBODY}:settle"
    return POSTING.format(reference=reference, debit=debit, credit=credit, currency=currency)


def account(name: str, currency: str) -> str:
    return (
        "INSERT INTO ledger_accounts (name, currency, normal_side, may_go_below_zero)"
        f" VALUES ('{name}', '{currency}', 'credit', true); "
    )


BREACHES = {
    "every journal entry has all its postings": (
        f"INSERT INTO journal_entries (reference, posting_count) VALUES ('offer:{NOBODY}:send', 1)"
    ),
    "debits equal credits in every currency": (
        account("platform:elsewhere", "eur") + posting("stripe:balance", "platform:elsewhere", "eur")
    ),
    "every stored balance is the sum of its postings": (
        UNGUARDED.format("ledger_balances") + "UPDATE ledger_balances SET balance_minor = balance_minor + 1"
    ),
    "no account of a person, offer or withdrawal is below zero": posting("wallet:%:available", "stripe:balance"),
    "nothing is left in suspense": account("suspense", "usd") + posting("stripe:balance", "suspense"),
    "every journal entry is of a deed that JobSphere does": (
        UNGUARDED.format("journal_entries")
        + "UPDATE journal_entries SET reference = 'gift' WHERE reference LIKE 'offer:%:accept'"
    ),
    "what is at Stripe, on connected accounts and under way to banks is what the deeds say": posting(
        "stripe:balance", "platform:service_fees"
    ),
    "no event about money waits for a person": (
        UNGUARDED.format("webhook_events")
        + "UPDATE webhook_events SET status = 'parked', next_try_at = NULL, tries = 12, error = 'Odd'"
    ),
    "escrow is what was promised and neither released nor returned": (
        UNGUARDED.format("offers") + "UPDATE offers SET state = 'accepted'"
    ),
    "what is in transit belongs to withdrawals that are not over": "UPDATE withdrawals SET state = 'paid'",
    "every deposit that succeeded is credited once, and no other is": "UPDATE deposits SET state = 'canceled'",
    "people see as completed what the ledger says is completed": (
        "UPDATE transactions SET status = 'pending', completed_at = NULL WHERE type = 'deposit'"
    ),
    "nothing waits for longer than it may": "UPDATE withdrawals SET created_at = '2020-01-01'",
}
# What docs/verify.sql proves without any of our code.
CORE = {
    "every journal entry has all its postings",
    "debits equal credits in every currency",
    "every stored balance is the sum of its postings",
    "escrow is what was promised and neither released nor returned",
    "what is in transit belongs to withdrawals that are not over",
}


def test_every_law_has_a_breach() -> None:
    assert list(BREACHES) == [check.law for check in CHECKS]


@pytest.mark.parametrize("law", BREACHES)
async def test_a_breach_is_found_by_its_law(
    jobsphere: JobSphere, owner_engine: AsyncEngine, databases: Databases, database: str, law: str
) -> None:
    _, contractor = await jobsphere.earned("100")
    withdrawal_id = await withdrawn(contractor, "40")
    await jobsphere.withdrawal_in(contractor, withdrawal_id, "in_transit")
    await jobsphere.sandbox.drain()
    await jobsphere.books_hold()
    assert verified(databases, database)

    async with owner_engine.begin() as connection:
        for statement in filter(str.strip, BREACHES[law].split(";")):
            await connection.execute(text(statement.replace(":", "\\:")))

    proof = await prove(jobsphere.engine, now=jobsphere.clock.now())
    assert law in [result.law for result in proof.results if result.breaches]
    if law in CORE:
        assert not verified(databases, database)


def verified(databases: Databases, database: str) -> bool:
    """Whether docs/verify.sql finds nothing."""
    said = run_program("psql", databases, database, "--no-psqlrc", "--file", REPOSITORY / "docs" / "verify.sql")
    return said.count("(0 rows)") == 6
