"""Roles and databases inside a running server: what the application needs, and a database for each test."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from jobsphere.embedded_postgres.cluster import SUPERUSER, Cluster
from jobsphere.embedded_postgres.errors import PostgresUnavailable

# Any number that all processes agree on: roles and databases are prepared by one process at a time.
_PREPARING = 7_305_813
_RESTRICTED = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_CONNECT_SECONDS_MAX = 10


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    password: str = field(repr=False)


class _Connection(Protocol):
    """What we use of the driver's connection; the driver itself has no types."""

    async def execute(self, statement: str) -> str: ...
    async def fetchval(self, statement: str, *values: object) -> str: ...
    async def fetch(self, statement: str, *values: object) -> Sequence[Mapping[str, str]]: ...
    async def close(self) -> None: ...


_Work = Callable[[_Connection], Awaitable[None]]


def prepare_database(cluster: Cluster, *, database: str, owner: Role, application: Role) -> None:
    """Make both roles and the database as far as they are missing, and set passwords and grants again.

    The owner owns the database and with it the schema ``public``; the application may connect and look names up
    there, and do what the owner grants it later. Nobody else may connect. Safe to call from several processes.

    Raises:
        PostgresUnavailable: the server does not answer or knows another password.
    """

    async def in_server(connection: _Connection) -> None:
        await connection.execute(f"SELECT pg_advisory_lock({_PREPARING})")  # until the connection closes
        for role in (owner, application):
            await _prepare_role(connection, role)
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", database):
            await _execute(connection, "CREATE DATABASE %I OWNER %I", database, owner.name)
        await _execute(connection, "ALTER DATABASE %I OWNER TO %I", database, owner.name)
        await _execute(connection, "REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC", database)
        for role in (owner, application):
            await _execute(connection, "GRANT CONNECT ON DATABASE %I TO %I", database, role.name)
        # The lock is still held, because grants of two processes at once would collide.
        await _connected(cluster, database, in_database)

    async def in_database(connection: _Connection) -> None:
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        await _execute(connection, "GRANT USAGE ON SCHEMA public TO %I", application.name)

    _run(cluster, in_server)


def create_database_from_template(cluster: Cluster, name: str, template: str) -> None:
    """Copy the database ``template``, with its owner and who may connect.

    It takes as long as making some 400 files does: 10 ms in memory, up to 150 ms on a slow disk. Nobody may be
    connected to ``template``. Settings made by ALTER DATABASE are not copied (PostgreSQL's rule).
    """

    async def copy(connection: _Connection) -> None:
        owner = await connection.fetchval(
            "SELECT datdba::regrole::text FROM pg_database WHERE datname = $1", template
        )
        # Copying files is quicker than copying through the log for small databases. Cloning them instead
        # (file_copy_method) measured the same and is not possible on every file system.
        await _execute(
            connection,
            f"CREATE DATABASE %I TEMPLATE %I OWNER {owner or 'DEFAULT'} STRATEGY FILE_COPY",
            name,
            template,
        )
        await _execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
        for grant in await connection.fetch(_GRANTS_OF_DATABASE, name, template):
            await connection.execute(grant["statement"])

    _run(cluster, copy)


def drop_database(cluster: Cluster, name: str) -> None:
    """Remove a database and end the sessions in it; one that does not exist is fine."""

    async def drop(connection: _Connection) -> None:
        await _execute(connection, "DROP DATABASE IF EXISTS %I WITH (FORCE)", name)

    _run(cluster, drop)


_GRANTS_OF_DATABASE = """
SELECT format(
    'GRANT %s ON DATABASE %I TO %s',
    string_agg(right_of.privilege_type, ', '), $1::text,
    CASE right_of.grantee WHEN 0 THEN 'PUBLIC' ELSE right_of.grantee::regrole::text END
) AS statement
FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS right_of
WHERE datname = $2
GROUP BY right_of.grantee
"""


async def _prepare_role(connection: _Connection, role: Role) -> None:
    exists = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", role.name)
    verb = "ALTER" if exists else "CREATE"
    await _execute(connection, f"{verb} ROLE %I {_RESTRICTED} PASSWORD %L", role.name, role.password)


async def _execute(connection: _Connection, statement: str, *values: str) -> None:
    """Run a statement that takes no parameters, with names (%I) and strings (%L) quoted by PostgreSQL itself."""
    await connection.execute(
        await connection.fetchval("SELECT format($1::text, VARIADIC $2::text[])", statement, values)
    )


def _run(cluster: Cluster, work: _Work) -> None:
    """Do ``work`` as the superuser and wait for it, in a thread of its own: the caller may be in an event loop."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(lambda: asyncio.run(_connected(cluster, SUPERUSER, work))).result()


async def _connected(cluster: Cluster, database: str, work: _Work) -> None:
    connection = await _connect(cluster, database)
    try:
        await work(connection)
    finally:
        await connection.close()


async def _connect(cluster: Cluster, database: str) -> _Connection:
    # Here, because it is slow to import and most of this package does without it.
    import asyncpg  # type: ignore[import-untyped, unused-ignore]

    try:
        connection: _Connection = await asyncpg.connect(
            host=cluster.host,
            port=cluster.port,
            user=SUPERUSER,
            password=cluster.superuser_password,
            database=database,
            ssl=False,
            timeout=_CONNECT_SECONDS_MAX,
            server_settings={"application_name": "jobsphere setup"},
        )
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise PostgresUnavailable(
            "The embedded PostgreSQL knows another password than the one stored beside its data: put the password "
            "file back from a backup."
        ) from error
    except (OSError, asyncpg.CannotConnectNowError) as error:
        raise PostgresUnavailable(
            f"The embedded PostgreSQL does not answer ({error}): is it still running?"
        ) from error
    return connection
