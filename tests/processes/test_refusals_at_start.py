"""What ``jobsphere serve`` refuses to start with: exit code 2, and one sentence that says what to do."""

import socket
from pathlib import Path
from uuid import uuid4

import pytest

from jobsphere.embedded_postgres.cluster import SUPERUSER
from stripe_sandbox.testing import run_in_process
from tests.conftest import Databases
from tests.processes.starting import Starter, environment

pytestmark = pytest.mark.processes

STRIPE = {
    "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_y",
    "JOBSPHERE_TOKEN_SECRET": "a secret of tests that has 32 characters",
}


@pytest.fixture
def refusal(place: Path, starter: Starter) -> "Refusal":
    return Refusal(place / f"refusal-{uuid4().hex}", starter)


class Refusal:
    """Starts ``jobsphere serve`` with settings, and gives the sentence with which it is refused."""

    def __init__(self, folder: Path, starter: Starter) -> None:
        self.folder = folder
        self.starter = starter

    def __call__(self, *options: str, **settings: str) -> str:
        self.folder.mkdir()
        env = environment(JOBSPHERE_HOME=str(self.folder / "home"), **settings)
        log = self.folder / "log"
        child = self.starter.start("jobsphere", "serve", *(options or ("--port", "0")), log=log, env=env)
        assert child.wait(30) == 2, child.tail()
        said = [line for line in child.tail().splitlines() if line.startswith("jobsphere: ")]
        assert "Traceback" not in child.tail()
        assert len(said) == 1, child.tail()
        return said[0]


def test_a_port_that_is_taken(refusal: Refusal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal("--port", str(port))

    assert f"127.0.0.1:{port}" in said
    assert "--port" in said


def test_an_address_that_is_not_of_this_machine(refusal: Refusal) -> None:
    assert "Cannot listen on 192.0.2.1" in refusal("--host", "192.0.2.1", "--port", "0")


def test_a_host_that_does_not_exist(refusal: Refusal) -> None:
    assert "Cannot listen on nowhere.invalid" in refusal("--host", "nowhere.invalid", "--port", "0")


def test_a_live_key_with_another_address_than_stripes(refusal: Refusal) -> None:
    live = {**STRIPE, "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_API_BASE": "http://127.0.0.1:1"}

    assert "STRIPE_API_BASE must not be set with a live key" in refusal(**live)


async def test_a_live_key_at_the_sandbox(refusal: Refusal) -> None:
    async with run_in_process() as sandbox:
        said = refusal(**STRIPE | {"STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_API_BASE": sandbox.url})
        asked = await sandbox.control.calls()

    assert "live money only moves at Stripe" in said
    assert asked == []


def test_a_key_of_stripe_without_the_secrets_of_its_webhooks(refusal: Refusal) -> None:
    said = refusal(STRIPE_SECRET_KEY="sk_test_x")

    assert "STRIPE_WEBHOOK_SECRET" in said
    assert "STRIPE_CONNECT_WEBHOOK_SECRET" in said


def test_a_superuser(refusal: Refusal, databases: Databases, database: str) -> None:
    cluster = databases.cluster
    url = cluster.url(user=SUPERUSER, password=cluster.superuser_password, database=database)

    assert "a superuser" in refusal(DATABASE_URL=url, **STRIPE)


def test_the_owner_of_the_tables(refusal: Refusal, databases: Databases, database: str) -> None:
    said = refusal(DATABASE_URL=databases.owner_url(database), **STRIPE)

    assert "owns JobSphere's tables" in said
    assert "DATABASE_OWNER_URL" in said


def test_a_database_without_tables(refusal: Refusal, databases: Databases, empty_database: str) -> None:
    said = refusal(DATABASE_URL=databases.url(empty_database), **STRIPE)

    assert "at version none" in said
    assert "jobsphere migrate" in said


def test_a_database_that_does_not_exist(refusal: Refusal, databases: Databases) -> None:
    assert "DATABASE_URL" in refusal(DATABASE_URL=databases.url("there_is_none"), **STRIPE)


def test_a_wrong_password(refusal: Refusal, databases: Databases, database: str) -> None:
    url = databases.url(database).replace(databases.application_password, "wrong")

    said = refusal(DATABASE_URL=url, **STRIPE)

    assert "DATABASE_URL" in said
    assert "wrong" not in said


def test_a_database_that_does_not_answer(refusal: Refusal) -> None:
    said = refusal(DATABASE_URL="postgresql+asyncpg://a:secret@127.0.0.1:1/db", **STRIPE)

    assert "DATABASE_URL" in said
    assert "secret" not in said


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_OWNER_URL"])
@pytest.mark.parametrize(
    "url", ["not an address", "postgresql://a@host/db", "sqlite:///file", "postgresql+asyncpg://h:x/d"]
)
def test_an_address_of_a_database_that_is_none(
    refusal: Refusal, databases: Databases, database: str, name: str, url: str
) -> None:
    said = refusal(**{"DATABASE_URL": databases.url(database), **STRIPE, name: url})

    assert f"{name} must be an address like postgresql+asyncpg://" in said


def test_an_owner_with_a_wrong_password(refusal: Refusal, databases: Databases, database: str) -> None:
    wrong = databases.owner_url(database).replace(databases.owner_password, "wrong")

    said = refusal(DATABASE_URL=databases.url(database), DATABASE_OWNER_URL=wrong, **STRIPE)

    assert "The database at DATABASE_OWNER_URL cannot be used" in said


def test_a_setting_that_is_not_possible(refusal: Refusal) -> None:
    assert "PAYMENT_CURRENCY" in refusal(PAYMENT_CURRENCY="dollars")
