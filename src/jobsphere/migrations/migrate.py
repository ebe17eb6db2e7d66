"""Bring the schema to the version this code needs, and refuse to run on any other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from jobsphere.migrations.grants import grant
from jobsphere.settings import ConfigurationError

# Any number that all of us agree on: one migration at a time.
_LOCK = 7_305_814


async def migrate(owner_url: str, application_role: str) -> None:
    """Migrate as the owner, then grant the application its rights. Safe to run again, and by several at once."""
    engine = create_async_engine(owner_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            await connection.commit()
            await connection.run_sync(_upgrade)
            await connection.commit()
            await grant(connection, application_role)
            await connection.commit()
            await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
    finally:
        await engine.dispose()


def role_of(url: str) -> str:
    """The role that signs in with this URL.

    Raises:
        ConfigurationError: the URL names none.
    """
    name = make_url(url).username
    if not name:
        raise ConfigurationError(
            "DATABASE_URL must name the application's role: postgresql+asyncpg://role:…@host/db"
        )
    return name


async def require_newest_schema(connection: AsyncConnection) -> None:
    """Raises ``ConfigurationError`` unless the schema is the one this code was written for."""
    found = await connection.run_sync(
        lambda sync: MigrationContext.configure(sync).get_current_revision()  # reads one row
    )
    if found != newest_revision():
        raise ConfigurationError(
            f"The database is at version {found or 'none'}, this JobSphere needs {newest_revision()}. "
            "Run: jobsphere migrate"
        )


def newest_revision() -> str:
    """The version of the schema that this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
