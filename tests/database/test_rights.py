"""What the application's role may do: what ``GRANTS`` says, and nothing that undoes what was written."""

import re

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import IdsFromSeed
from jobsphere.database import DatabaseTransaction, reading, sqlstate
from jobsphere.ledger.accounts import stripe_balance, wallet_available
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.ledger.record import record
from jobsphere.migrations.grants import GRANTS, require_application_role
from jobsphere.migrations.tables import metadata
from jobsphere.money import Money
from jobsphere.settings import ConfigurationError
from tests.conftest import APPLICATION

FILL = DatabaseTransaction("tests.rights")
_NOT_ALLOWED, _RESTRICTED = "42501", "23001"


@pytest.fixture
async def filled(engine: AsyncEngine, ids: IdsFromSeed) -> AsyncEngine:
    """A row in each table that must keep its rows: some triggers fire for rows only."""
    wallet = wallet_available(ids.new(), "usd")
    posting = Posting(debit=stripe_balance("usd"), credit=wallet, amount=Money(100, "usd"))
    await FILL.run(engine, lambda connection: record(connection, [Entry("in", (posting,))]))
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO webhook_events (event_key, source, payload, received_at, status, next_try_at)"
                " VALUES ('evt_1', 'platform', '{}', now(), 'new', now())"
            )
        )
        await connection.execute(
            text("INSERT INTO audit_log (at, action, subject, details) VALUES (now(), 'a', 'b', '{}')")
        )
    return engine


def test_every_table_has_its_row_of_rights_and_no_other_has() -> None:
    assert set(GRANTS) == set(metadata.tables) | {"alembic_version"}


@pytest.mark.parametrize("table", GRANTS)
async def test_the_application_has_exactly_the_rights_that_are_written_down(
    owner_engine: AsyncEngine, table: str
) -> None:
    async with owner_engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT privilege_type FROM information_schema.role_table_grants"
                " WHERE grantee = :role AND table_name = :table"
            ),
            {"role": APPLICATION, "table": table},
        )
        held = set(rows.scalars())

    # Rights on single columns are not rights on the table.
    on_table = re.sub(r"\w+ \([^)]*\)", "", GRANTS[table])
    assert held == {right.strip() for right in on_table.split(",") if right.strip()}


KEPT = ["journal_entries", "postings", "audit_log", "webhook_events"]
FIXED = [
    ("journal_entries", "reference = 'other'"),
    ("journal_entries", "posting_count = 2"),
    ("postings", "amount_minor = 1"),
    ("postings", "debit_account_id = credit_account_id, credit_account_id = debit_account_id"),
    ("ledger_accounts", "normal_side = 'debit'"),
    ("ledger_accounts", "balance_minor = 1000000"),
    ("balance_parts", "balance_minor = 1000000"),
    ("audit_log", "action = 'other'"),
    ("webhook_events", "payload = 'other'"),
    ("webhook_events", "event_key = 'other'"),
    ("webhook_events", "received_at = now()"),
]


@pytest.mark.parametrize("as_owner", [False, True])
@pytest.mark.parametrize(("table", "change"), FIXED)
async def test_what_was_written_is_not_changed(
    filled: AsyncEngine, owner_engine: AsyncEngine, as_owner: bool, table: str, change: str
) -> None:
    refused = await _refused(owner_engine if as_owner else filled, f"UPDATE {table} SET {change}")  # noqa: S608

    assert refused == (_RESTRICTED if as_owner else _NOT_ALLOWED)


@pytest.mark.parametrize("as_owner", [False, True])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize(
    "table",
    ["journal_entries", "postings", "ledger_accounts", "balance_parts", "audit_log", "webhook_events"],
)
async def test_what_was_written_is_not_removed(
    filled: AsyncEngine, owner_engine: AsyncEngine, as_owner: bool, statement: str, table: str
) -> None:
    refused = await _refused(owner_engine if as_owner else filled, statement.format(table))

    assert refused == (_RESTRICTED if as_owner else _NOT_ALLOWED)


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_a_session_that_pretends_to_be_a_replica_is_refused_too(
    filled: AsyncEngine, superuser_engine: AsyncEngine, table: str, statement: str
) -> None:
    assert (
        await _refused(superuser_engine, "SET LOCAL session_replication_role = replica", statement.format(table))
        == _RESTRICTED
    )


async def test_how_far_an_event_is_may_change(filled: AsyncEngine) -> None:
    async with filled.begin() as connection:
        await connection.execute(text("UPDATE webhook_events SET tries = 1, status = 'done', next_try_at = NULL"))


async def test_the_application_makes_no_tables(engine: AsyncEngine) -> None:
    assert await _refused(engine, "CREATE TABLE mine (id int)") == _NOT_ALLOWED


async def test_the_application_borrows_no_trigger_to_move_balances_without_a_posting(
    filled: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    # A PostgreSQL that was not set up by us lets everybody make temporary tables.
    async with owner_engine.begin() as connection:
        await connection.execute(text(f'GRANT TEMPORARY ON DATABASE "{owner_engine.url.database}" TO PUBLIC'))

    refused = await _refused(
        filled,
        "CREATE TEMPORARY TABLE mine (debit_account_id bigint, credit_account_id bigint, amount_minor bigint)",
        "CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS new_postings"
        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_move_balances()",
    )

    assert refused == _NOT_ALLOWED


async def test_the_application_may_call_one_function_that_runs_with_its_owners_rights(
    engine: AsyncEngine,
) -> None:
    async with reading(engine) as connection:
        callable_ = await connection.execute(
            text(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
                " AND has_function_privilege(oid, 'EXECUTE')"
            )
        )
        assert list(callable_.scalars()) == ["ledger_hold"]


async def test_jobsphere_runs_as_the_application(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        await require_application_role(connection)


async def test_jobsphere_does_not_run_as_the_owner(owner_engine: AsyncEngine) -> None:
    async with reading(owner_engine) as connection:
        with pytest.raises(ConfigurationError, match="owns JobSphere's tables"):
            await require_application_role(connection)


async def test_jobsphere_does_not_run_as_a_superuser(superuser_engine: AsyncEngine) -> None:
    async with reading(superuser_engine) as connection:
        with pytest.raises(ConfigurationError, match="a superuser"):
            await require_application_role(connection)


@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE"])
@pytest.mark.parametrize("table", KEPT)
async def test_jobsphere_does_not_run_with_a_right_it_must_not_have(
    engine: AsyncEngine, owner_engine: AsyncEngine, table: str, privilege: str
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text(f"GRANT {privilege} ON {table} TO {APPLICATION}"))

    async with reading(engine) as connection:
        with pytest.raises(ConfigurationError, match=f"may {privilege} {table}, and must not"):
            await require_application_role(connection)


async def _refused(engine: AsyncEngine, *statements: str) -> str | None:
    """The code with which PostgreSQL refuses the last statement."""
    async with engine.connect() as connection:
        *preparing, last = statements
        for statement in preparing:
            await connection.execute(text(statement))
        with pytest.raises(DBAPIError) as refusal:
            await connection.execute(text(last))
        await connection.rollback()
    return sqlstate(refusal.value)
