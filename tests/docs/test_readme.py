"""What README.md says is what the code does: settings, events, outputs, SQL, and the tour by curl."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
import stripe
from pydantic import SecretStr

from jobsphere.embedded_postgres import Role, drop_database
from jobsphere.settings import Settings
from jobsphere.webhooks.handlers import HANDLERS
from tests.conftest import Databases
from tests.docs.pages import REPOSITORY, blocks, code, read, rows, section
from tests.docs.served import served

README = read("README.md")
PORT_IN_README = "http://127.0.0.1:8000"


def test_the_settings_table_has_every_setting_with_its_default() -> None:
    table = {code(name): default for name, default, _ in rows(section(README, "settings"))}

    assert table == {name.upper(): _written(field.default) for name, field in Settings.model_fields.items()}


def _written(default: Any) -> str:
    if default is None:
        return "none"
    assert not isinstance(default, SecretStr), "a secret has no default"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_handled_event_is_listed_with_its_endpoint() -> None:
    listed = [(code(event), endpoint, does) for event, endpoint, does in rows(section(README, "events"))]
    table = {event: endpoint for event, endpoint, _ in listed}

    # No endpoint can be made for transfer.paid: present API versions do not have it.
    assert set(table) == set(HANDLERS) - {"transfer.paid"}
    connected = {event for event in table if event.startswith(("account.", "capability.", "payout."))}
    assert {event for event, endpoint in table.items() if endpoint == "connected accounts"} == connected
    assert set(table.values()) == {"your account", "connected accounts"}
    assert {event: does for event, _, does in listed} == {event: HANDLERS[event].does for event in table}


def test_the_api_version_is_the_one_we_send() -> None:
    [version] = re.findall(r"<!-- api version -->`([^`]+)`", README)

    assert version == stripe.api_version


def test_make_help_is_quoted_as_it_is() -> None:
    # Make tells a make inside it to print where it is.
    command = ["make", "--no-print-directory", "help"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert blocks(section(README, "make help"), "text") == [said.stdout]


@pytest.mark.processes
def test_the_demo_prints_what_is_quoted() -> None:
    command = [sys.executable, "-m", "jobsphere", "demo"]
    said = subprocess.run(command, cwd=REPOSITORY / "docs", capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout + said.stderr
    [quoted] = blocks(section(README, "demo output"), "text")
    assert _without_ids(said.stdout) == _without_ids(quoted)


def _without_ids(output: str) -> list[str]:
    lines = [re.sub(r"\b(tr|po)_[0-9a-f]+", r"\1_…", line).rstrip() for line in output.strip().splitlines()]
    return [line for line in lines if line]


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is made with curl")
def test_the_tour_works_as_pasted(home: Path, tmp_path: Path) -> None:
    script = "\n".join(blocks(section(README, "tour"), "bash"))
    assert PORT_IN_README in script
    with served(home / "tour") as address:
        toured = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(PORT_IN_README, address)],  # noqa: S607
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert toured.returncode == 0, toured.stdout + toured.stderr
    promised = [line.rpartition("  # ")[2] for line in script.splitlines() if _promises(line)]
    assert len(promised) == 9
    assert [line for line in toured.stdout.splitlines() if line in promised] == promised
    assert list(tmp_path.iterdir()) == []


def _promises(line: str) -> bool:
    """Whether the comment at its end is what the line prints."""
    return "  # " in line and not line.rstrip().split("  # ")[0].endswith("{")


async def test_the_sql_makes_roles_that_migrate_and_run(databases: Databases) -> None:
    [statements] = blocks(section(README, "roles"), "sql")
    names = {"owner": "readme_owner", "application": "readme_application", "database": "readme"}
    renamed = (
        statements.replace("jobsphere_owner", names["owner"])
        .replace("jobsphere_application", names["application"])
        .replace("DATABASE jobsphere", f"DATABASE {names['database']}")
    )
    cluster = databases.cluster
    admin = await asyncpg.connect(
        host=cluster.host, port=cluster.port, user="postgres", password=cluster.superuser_password, ssl=False
    )
    try:
        for statement in filter(None, (part.strip() for part in renamed.split(";"))):
            await admin.execute(statement)
        said = _migrate_and_check(databases, names)
        assert [one.returncode for one in said] == [0, 0], said
    finally:
        await admin.close()
        drop_database(cluster, names["database"])


def _migrate_and_check(databases: Databases, names: dict[str, str]) -> list["subprocess.CompletedProcess[str]"]:
    def url(role: Role) -> str:
        return databases.cluster.url(user=role.name, password=role.password, database=names["database"])

    owner, application = url(Role(names["owner"], "choose-one")), url(Role(names["application"], "choose-another"))
    settings = {"DATABASE_OWNER_URL": owner, "DATABASE_URL": application}
    return [
        subprocess.run(
            [sys.executable, "-m", "jobsphere", command],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        for command, environment in (("migrate", settings), ("check", {"DATABASE_URL": application}))
    ]
