"""docs/operations.md names every log line at level error, and its back-up can be restored."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.docs.pages import REPOSITORY, blocks, read, rows, section
from tests.docs.served import served

OPERATIONS = read("docs/operations.md")


def test_every_log_line_that_needs_a_person_has_an_alert() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "src" / "jobsphere").rglob("*.py"))
    logged = set(re.findall(r"log\.(?:error|critical|exception)\(\s*\"([a-z_.]+)\"", source))

    assert {
        name for row in rows(section(OPERATIONS, "alerts")) for name in re.findall("`(.+?)`", row[0])
    } == logged


def test_other_log_lines_that_are_named_exist() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "src" / "jobsphere").rglob("*.py"))
    paragraph = OPERATIONS[OPERATIONS.index("Worth watching") : OPERATIONS.index("Run `jobsphere check`")]
    named = re.findall(r"`([a-z]+\.[a-z_]+)`", paragraph)

    assert len(named) == 4
    assert all(f'"{name}"' in source for name in named)


@pytest.mark.processes
def test_a_back_up_can_be_restored(home: Path, tmp_path: Path) -> None:
    first, second = home / "first", home / "second"
    with served(first) as _:
        _run("backup", "/var/lib/jobsphere", first, tmp_path)
    with served(second) as _:
        said = _run("restore", "/var/lib/jobsphere-new", second, tmp_path)

    assert "The books are proven" in said
    with served(second, fresh=False) as address:
        login = {"email": "customer@demo.example", "password": "demo-password"}
        answer = httpx.post(f"{address}/api/auth/login", json=login)
    assert answer.status_code == 200, answer.text


def _run(name: str, documented: str, actual: Path, folder: Path) -> str:
    """The script of that section, at another home and with its files in another folder."""
    [script] = blocks(section(OPERATIONS, name), "bash")
    assert f"JOBSPHERE_HOME={documented}\n" in script
    moved = script.replace(f"JOBSPHERE_HOME={documented}\n", f"JOBSPHERE_HOME={actual}\n")
    moved = moved.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    moved = re.sub(r"([= ])jobsphere\.dump", rf"\1{folder}/jobsphere.dump", moved)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", moved],  # noqa: S607
        cwd=REPOSITORY,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
