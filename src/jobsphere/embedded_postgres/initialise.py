"""Making a new data folder, whole or not at all."""

import os
import shutil
from pathlib import Path

from jobsphere.embedded_postgres.accounts import Account
from jobsphere.embedded_postgres.cluster import SUPERUSER
from jobsphere.embedded_postgres.errors import PostgresUnavailable
from jobsphere.embedded_postgres.layout import Layout, write_anew
from jobsphere.embedded_postgres.processes import end_group
from jobsphere.embedded_postgres.software import MAJOR_VERSION


def check_data(layout: Layout) -> None:
    """Refuse a data folder that is not one, or of another major version."""
    try:
        version = (layout.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise PostgresUnavailable(
            f"{layout.data} is not a PostgreSQL data folder: move it away, or choose another JOBSPHERE_HOME."
        ) from None
    if version != MAJOR_VERSION:
        raise PostgresUnavailable(
            f"{layout.data} was made by PostgreSQL {version}, and this is {MAJOR_VERSION}: dump it with the "
            "version that made it and load the dump into another JOBSPHERE_HOME."
        )


def initialise(
    layout: Layout, account: Account, programs: Path, *, superuser_password: str, durable: bool
) -> None:
    """Make the data folder: checksums on, UTF-8, sorting by code point everywhere the same.

    Args:
        durable: False leaves out the wait for the disk, for tests.

    Raises:
        PostgresUnavailable: initdb failed; nothing is left of it.
    """
    password_file = layout.root / "initdb.password"
    _discard(layout, password_file)  # of a process that was killed in here
    try:
        layout.unfinished_data.mkdir()
        account.take(layout.unfinished_data)
        write_anew(password_file, superuser_password, mode=0o600)
        account.take(password_file)
        command = _command(layout, programs, password_file, durable=durable)
        status, said = account.run(command, folder=layout.root)
        if status != 0:
            raise PostgresUnavailable(
                f"PostgreSQL could not make its data folder in {layout.root}: see below; if room or permission is "
                "missing, provide it or choose another JOBSPHERE_HOME.",
                server_log=said[-2000:],
            )
        layout.unfinished_data.rename(layout.data)
        _flush_names(layout.root)
    finally:
        _discard(layout, password_file)


def _command(layout: Layout, programs: Path, password_file: Path, *, durable: bool) -> list[str | Path]:
    return [
        programs / "initdb",
        f"--pgdata={layout.unfinished_data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        "--no-instructions",
        # Its own server must not use /dev/shm either: killed, it would leave a file there.
        "--set=dynamic_shared_memory_type=mmap",
        *([] if durable else ["--no-sync"]),
    ]


def _discard(layout: Layout, password_file: Path) -> None:
    password_file.unlink(missing_ok=True)
    if layout.unfinished_data.exists():
        # One whose starter was killed works on.
        end_group(f"--pgdata={layout.unfinished_data}")
        shutil.rmtree(layout.unfinished_data)


def _flush_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
