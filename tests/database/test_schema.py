"""The schema: built fresh it is the one that the migrations make, and migrating is safe at any time."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jobsphere.database import create_engine, reading
from jobsphere.migrations.migrate import migrate, newest_revision, require_newest_schema, role_of
from jobsphere.migrations.tables import metadata
from jobsphere.settings import ConfigurationError
from tests.conftest import APPLICATION, Databases
from tests.database.postgres import schema_of


async def test_the_schema_built_fresh_is_the_schema_migrated(
    databases: Databases, database: str, empty_database: str
) -> None:
    engine = create_async_engine(databases.owner_url(empty_database))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()

    fresh, migrated = schema_of(databases, empty_database), schema_of(databases, database)

    assert fresh - migrated == set(), "in tables.py and not in the migrations"
    assert migrated - fresh == set(), "in the migrations and not in tables.py"


DIFFERENCES = [
    "ALTER TABLE deposits ADD COLUMN note text",
    "ALTER TABLE deposits DROP COLUMN tries",
    "ALTER TABLE deposits ALTER COLUMN amount_minor TYPE integer",
    "ALTER TABLE deposits ALTER COLUMN amount_minor DROP NOT NULL",
    "ALTER TABLE deposits ALTER COLUMN tries SET DEFAULT 1",
    "ALTER TABLE deposits DROP CONSTRAINT deposits_amount_is_positive",
    "ALTER TABLE refunds DROP CONSTRAINT refunds_stripe_refund_id_key",
    "ALTER TABLE refunds DROP CONSTRAINT refunds_deposit_id_fkey",
    "ALTER TABLE ledger_accounts RENAME CONSTRAINT ledger_accounts_never_negative TO other",
    "DROP INDEX postings_accounts_idx",
    "DROP TRIGGER move_balances ON postings",
    "ALTER TABLE postings ENABLE TRIGGER refuse_change",
    "ALTER TABLE postings DISABLE TRIGGER refuse_change",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "ALTER FUNCTION ledger_hold SECURITY INVOKER",
    "ALTER FUNCTION ledger_move_balances RESET search_path",
]


@pytest.fixture(scope="session")
def schema_without_difference(databases: Databases) -> set[str]:
    return schema_of(databases, "jobsphere_template")


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda statement: statement[:60])
async def test_the_comparison_sees_every_kind_of_difference(
    databases: Databases,
    database: str,
    owner_engine: AsyncEngine,
    schema_without_difference: set[str],
    difference: str,
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text(difference))

    assert schema_of(databases, database) != schema_without_difference


async def test_migrating_again_and_by_several_at_once_is_harmless(
    databases: Databases, empty_database: str, schema_without_difference: set[str]
) -> None:
    await asyncio.gather(*(migrate(databases.owner_url(empty_database), APPLICATION) for _ in range(4)))
    await migrate(databases.owner_url(empty_database), APPLICATION)

    assert schema_of(databases, empty_database) == schema_without_difference
    engine = create_engine(databases.url(empty_database), pool_size=1)
    async with reading(engine) as connection:
        await require_newest_schema(connection)
    await engine.dispose()


async def test_migrating_does_not_wait_for_people_who_read(databases: Databases, engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        database = (await connection.execute(text("SELECT current_database()"))).scalar_one()
        await connection.execute(text("SELECT count(*) FROM postings"))

        await asyncio.wait_for(migrate(databases.owner_url(database), APPLICATION), timeout=5)


async def test_jobsphere_does_not_run_on_a_database_without_its_schema(
    databases: Databases, empty_database: str
) -> None:
    engine = create_engine(databases.url(empty_database), pool_size=1)
    async with reading(engine) as connection:
        with pytest.raises(ConfigurationError, match="at version none, this JobSphere needs"):
            await require_newest_schema(connection)
    await engine.dispose()


async def test_jobsphere_does_not_run_on_the_schema_of_another_version(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with owner_engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    async with reading(engine) as connection:
        with pytest.raises(ConfigurationError, match=f"at version 9999, this JobSphere needs {newest_revision()}"):
            await require_newest_schema(connection)


def test_an_address_without_a_role_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        role_of("postgresql+asyncpg://localhost/jobsphere")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("lock_timeout", "3s"),
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("timezone", "UTC"),
        ("application_name", "jobsphere"),
    ],
)
async def test_every_session_has_its_time_limits(engine: AsyncEngine, setting: str, value: str) -> None:
    async with reading(engine) as connection:
        assert (await connection.execute(text(f"SHOW {setting}"))).scalar_one() == value
