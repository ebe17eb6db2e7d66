"""What tests share: one real PostgreSQL for the run, a fresh migrated database for each test, time and ids."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, IdsFromSeed
from jobsphere.database import create_engine
from jobsphere.embedded_postgres import (
    Cluster,
    EmbeddedPostgres,
    Role,
    create_database_from_template,
    drop_database,
    prepare_database,
    stored_passwords,
)
from jobsphere.migrations.migrate import migrate
from tests.description import exchanges, stripe

OWNER = "jobsphere_owner"
APPLICATION = "jobsphere_application"
TEMPLATE = "jobsphere_template"
# Durability against a power cut costs time and proves nothing here: processes are killed, machines are not.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Databases:
    """The test run's server and the passwords of its roles."""

    cluster: Cluster
    owner_password: str
    application_password: str

    def url(self, database: str) -> str:
        """As the application."""
        return self.cluster.url(user=APPLICATION, password=self.application_password, database=database)

    def owner_url(self, database: str) -> str:
        """As the owner of the tables."""
        return self.cluster.url(user=OWNER, password=self.owner_password, database=database)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A folder for a whole test run that the account running PostgreSQL can reach."""
    folder = Path(tempfile.mkdtemp(prefix="jobsphere-tests-", dir=quickest_folder()))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def quickest_folder() -> str | None:
    """Memory, where there is enough of it: copying a database is hundreds of small files."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable name in it
    try:
        has_room = shutil.disk_usage(memory).free > 2**30 and os.access(memory, os.W_OK)
    except OSError:
        has_room = False
    return str(memory) if has_room else None


@pytest.fixture(scope="session")
def databases(home: Path) -> Iterator[Databases]:
    with EmbeddedPostgres(home, settings=QUICK) as cluster:
        yield databases_of(cluster, home)


def databases_of(cluster: Cluster, home: Path) -> Databases:
    """A new server's databases, with the migrated one that others are copied from."""
    passwords = stored_passwords(home)
    databases = Databases(cluster, passwords.owner, passwords.application)
    _prepare(databases, TEMPLATE)
    asyncio.run(migrate(databases.owner_url(TEMPLATE), APPLICATION))
    return databases


def _prepare(databases: Databases, name: str) -> None:
    prepare_database(
        databases.cluster,
        database=name,
        owner=Role(OWNER, databases.owner_password),
        application=Role(APPLICATION, databases.application_password),
    )


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The name of a database without tables."""
    name = f"empty_{uuid4().hex}"
    _prepare(databases, name)
    yield name
    drop_database(databases.cluster, name)


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """The name of a migrated database of this test's own."""
    name = f"test_{uuid4().hex}"
    create_database_from_template(databases.cluster, name, TEMPLATE)
    yield name
    drop_database(databases.cluster, name)


@pytest.fixture
async def engine(databases: Databases, database: str) -> AsyncIterator[AsyncEngine]:
    """Signed in as the application."""
    engine = create_engine(databases.url(database))
    yield engine
    await engine.dispose()


@pytest.fixture
async def owner_engine(databases: Databases, database: str) -> AsyncIterator[AsyncEngine]:
    """Signed in as the owner of the tables."""
    engine = create_engine(databases.owner_url(database), pool_size=2)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> ClockMovedByHand:
    return ClockMovedByHand()


@pytest.fixture
def ids() -> IdsFromSeed:
    return IdsFromSeed()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the test, never from the shell that runs it."""
    for name in list(os.environ):
        if name.startswith(("STRIPE_", "JOBSPHERE_", "DATABASE_")) and name != "STRIPE_SPEC_DIR":
            monkeypatch.delenv(name)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One process of several hands its counts to the one that prints them."""
    handed_over: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if handed_over is not None:
        handed_over["exchanges"] = dict(exchanges.COUNTS), dict(exchanges.TOLERATED)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what one of several processes counted; one that broke down counted nothing."""
    counts, tolerated = getattr(node, "workeroutput", {}).get("exchanges", ({}, {}))
    exchanges.COUNTS.update(counts)
    exchanges.TOLERATED.update(tolerated)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what this run held against Stripe's description of its API, or that there was none."""
    if not stripe.is_here():
        terminalreporter.write_line(f"Nothing was held against it: {stripe.ABSENT}")
    elif exchanges.COUNTS:
        terminalreporter.section("held against Stripe's description of its API")
        for line in exchanges.summary():
            terminalreporter.write_line(line)
