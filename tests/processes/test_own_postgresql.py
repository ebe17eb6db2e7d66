"""JobSphere on a PostgreSQL that somebody else runs, with the two roles that the README tells to make."""

import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.processes.served import Home
from tests.processes.starting import environment, free_port, start, until

pytestmark = pytest.mark.processes

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def port(place: Path) -> Iterator[int]:
    """The port of a PostgreSQL 15 of Debian's, with the roles and the database of the README."""
    if not PROGRAMS.is_dir():
        pytest.skip(f"there is no {PROGRAMS}")
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("there is no account postgres")
    folder = place / f"postgresql-{uuid4().hex}"
    folder.mkdir(mode=0o700)
    try:
        shutil.chown(folder, user.pw_uid, user.pw_gid)
    except PermissionError:
        pytest.skip("only root can become postgres")
    port = free_port()

    def as_postgres(*command: str | Path) -> list[str | Path]:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]

    initdb = as_postgres(
        PROGRAMS / "initdb", "--no-sync", "--auth-host=scram-sha-256", "--auth-local=peer", folder / "data"
    )
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, env=environment())
    options = ["-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
    command = as_postgres(PROGRAMS / "postgres", "-D", folder / "data", *options)
    server = start(command, place / f"{folder.name}.log", environment())
    psql = as_postgres(PROGRAMS / "psql", "-h", folder, "-p", str(port), "-v", "ON_ERROR_STOP=1", "-d", "postgres")

    def ask(sql: str) -> bool:
        asked = subprocess.run(
            psql, input=sql, capture_output=True, text=True, cwd=folder, env=environment(), check=False
        )
        return asked.returncode == 0

    try:
        until("it answers", lambda: ask("SELECT 1"))
        assert ask(_sql_of_the_readme())
        yield port
    finally:
        server.end()


def test_it_migrates_serves_and_proves_its_books_there(home_of_jobsphere: Home, port: int) -> None:
    home = home_of_jobsphere
    home.settings |= _addresses(port)
    assert home.start("migrate").wait(30) == 0, home.running[-1].tail()
    del home.settings["DATABASE_OWNER_URL"]

    home.serve()
    home.deposit("50.00")

    assert home.get("/api/wallet", "customer")["balance"] == "50.00"
    check = home.start("check")
    assert check.wait(30) == 0, check.tail()
    assert not (home.data / "postgres").exists()


def test_with_the_owners_address_every_start_migrates(home_of_jobsphere: Home, port: int) -> None:
    home_of_jobsphere.settings |= _addresses(port)

    home_of_jobsphere.serve()

    assert home_of_jobsphere.http.get("/health/ready").is_success


def test_without_the_owners_address_nobody_can_migrate(home_of_jobsphere: Home, port: int) -> None:
    home_of_jobsphere.settings["DATABASE_URL"] = _addresses(port)["DATABASE_URL"]

    refused = home_of_jobsphere.start("migrate")

    assert refused.wait(30) == 2
    assert "DATABASE_OWNER_URL" in refused.tail()


def _addresses(port: int) -> dict[str, str]:
    place = f"127.0.0.1:{port}/jobsphere"
    return {
        "DATABASE_URL": f"postgresql+asyncpg://jobsphere_application:choose-another@{place}",
        "DATABASE_OWNER_URL": f"postgresql+asyncpg://jobsphere_owner:choose-one@{place}",
    }


def _sql_of_the_readme() -> str:
    found = re.search(r"<!-- roles: begin -->\s+```sql\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None, "the README does not say how to make the roles"
    return found[1]
