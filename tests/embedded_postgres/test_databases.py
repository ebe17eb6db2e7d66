"""Roles and databases in the server: what the application may do, and a database for each test in no time."""

import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import pytest
import sqlalchemy

from jobsphere.embedded_postgres import (
    Cluster,
    PostgresUnavailable,
    Role,
    create_database_from_template,
    drop_database,
    prepare_database,
    stored_passwords,
)

Ask = Callable[..., Awaitable[object]]

# Names and passwords that need quoting in SQL and in addresses.
OWNER = Role('the "owner"', "p'w/o?:@%1")
APPLICATION = Role("application", "p w\\&a")
DATABASE = "market's place"


@pytest.fixture
def prepared(shared_server: Cluster) -> Iterator[Cluster]:
    prepare_database(shared_server, database=DATABASE, owner=OWNER, application=APPLICATION)
    yield shared_server
    for name in ("copy", DATABASE):
        drop_database(shared_server, name)


async def _query(cluster: Cluster, role: Role, statement: str, database: str = DATABASE) -> object:
    """Through the address that SQLAlchemy is given."""
    url = sqlalchemy.make_url(cluster.url(user=role.name, password=role.password, database=database))
    _, arguments = url.get_dialect()().create_connect_args(url)
    connection = await asyncpg.connect(**arguments)
    try:
        first_value: object = await connection.fetchval(statement)
        return first_value
    finally:
        await connection.close()


async def test_both_roles_sign_in_and_have_no_rights_over_the_server(prepared: Cluster) -> None:
    rights = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
    for role in (OWNER, APPLICATION):
        assert await _query(prepared, role, "SELECT current_user::text") == role.name
        assert await _query(prepared, role, f"{rights} WHERE rolname = current_user") is False


async def test_the_owner_builds_and_the_application_does_only_what_is_granted(prepared: Cluster) -> None:
    await _query(prepared, OWNER, "CREATE TABLE offers AS SELECT 1 AS id")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _query(prepared, APPLICATION, "SELECT id FROM offers")

    await _query(prepared, OWNER, "GRANT SELECT ON offers TO application")

    assert await _query(prepared, APPLICATION, "SELECT id FROM offers") == 1
    for refused in (
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "DROP TABLE offers",
        'SET ROLE "the ""owner"""',
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _query(prepared, APPLICATION, refused)


async def test_preparing_again_keeps_the_data_and_takes_new_passwords(prepared: Cluster, ask: Ask) -> None:
    await _query(prepared, OWNER, "CREATE TABLE kept AS SELECT 42 AS answer")
    await ask(prepared, "ALTER ROLE application SUPERUSER")
    changed = replace(APPLICATION, password="new")

    prepare_database(prepared, database=DATABASE, owner=OWNER, application=changed)

    assert await _query(prepared, OWNER, "SELECT answer FROM kept") == 42
    assert await _query(prepared, changed, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _query(prepared, APPLICATION, "SELECT 1")


def test_several_processes_may_prepare_at_once(shared_server: Cluster) -> None:
    def prepare(_: int) -> None:
        prepare_database(shared_server, database=DATABASE, owner=OWNER, application=APPLICATION)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(prepare, range(4)))


async def test_it_works_where_an_event_loop_runs_already(shared_server: Cluster) -> None:
    prepare_database(shared_server, database=DATABASE, owner=OWNER, application=APPLICATION)


async def test_a_copy_has_the_tables_the_owner_and_the_grants_of_its_template(prepared: Cluster) -> None:
    await _query(prepared, OWNER, "CREATE TABLE offers AS SELECT 1 AS id")
    await _query(prepared, OWNER, "GRANT SELECT ON offers TO application")

    create_database_from_template(prepared, "copy", DATABASE)

    assert await _query(prepared, APPLICATION, "SELECT id FROM offers", "copy") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _query(prepared, APPLICATION, "CREATE TEMPORARY TABLE mine (id int)", "copy")
    await _query(prepared, OWNER, "CREATE TABLE more (id int)", "copy")


async def test_nobody_else_may_connect_neither_to_it_nor_to_a_copy(prepared: Cluster, ask: Ask) -> None:
    await ask(prepared, "CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    create_database_from_template(prepared, "copy", DATABASE)

    for database in (DATABASE, "copy"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _query(prepared, Role("stranger", "stranger"), "SELECT 1", database)


async def test_a_database_for_each_test_costs_little(prepared: Cluster) -> None:
    if prepared.socket_directory is None or not prepared.socket_directory.is_relative_to("/dev"):
        pytest.skip("without a file system in memory this would measure how fast the disk makes files")
    for number in range(40):
        await _query(prepared, OWNER, f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text UNIQUE)")
    took = []
    for number in range(10):
        began = time.monotonic()
        create_database_from_template(prepared, f"test {number}", DATABASE)
        drop_database(prepared, f"test {number}")
        took.append(time.monotonic() - began)

    assert sorted(took)[len(took) // 2] < 0.1


def test_a_missing_template_is_named(shared_server: Cluster) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError, match="no such"):
        create_database_from_template(shared_server, "copy", "no such")


async def test_dropping_ends_the_sessions_in_it_and_a_missing_one_is_fine(prepared: Cluster, ask: Ask) -> None:
    create_database_from_template(prepared, "copy", DATABASE)
    connection = await asyncpg.connect(
        host=prepared.host,
        port=prepared.port,
        user=OWNER.name,
        password=OWNER.password,
        database="copy",
    )

    drop_database(prepared, "copy")
    drop_database(prepared, "copy")

    assert await ask(prepared, "SELECT count(*) FROM pg_database WHERE datname = 'copy'") == 0
    connection.terminate()


def test_a_wrong_superuser_password_and_a_missing_server_are_named(shared_server: Cluster, home: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="another password"):
        drop_database(replace(shared_server, superuser_password="wrong"), "any")

    with pytest.raises(PostgresUnavailable, match="does not answer"):
        drop_database(replace(shared_server, socket_directory=home), "any")


def test_passwords_are_made_once_long_and_unlike_each_other(new_home: Callable[[], Path]) -> None:
    home = new_home() / "made" / "by us"
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(stored_passwords, [home] * 8))

    (passwords,) = found
    assert len({passwords.superuser, passwords.owner, passwords.application}) == 3
    assert all(len(word) >= 40 for word in (passwords.superuser, passwords.owner, passwords.application))
    assert [path.name for path in (home / "postgres").iterdir()] == ["passwords.json"]
    assert passwords.superuser not in repr(passwords)


def test_damaged_passwords_are_named(home: Path) -> None:
    stored_passwords(home)
    (home / "postgres" / "passwords.json").write_text('{"superuser": ')

    with pytest.raises(PostgresUnavailable, match="damaged"):
        stored_passwords(home)
