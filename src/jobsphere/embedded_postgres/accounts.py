"""Which account PostgreSQL runs under, and running a program as that account.

PostgreSQL refuses to run as root, so root lends it an account that exists already; everybody else runs it as
themselves.
"""

import os
import pwd
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobsphere.embedded_postgres.errors import PostgresUnavailable

# Not `postgres`, even where it exists: it owns the machine's own databases, and ours must not reach them.
_LENT_BY_ROOT = ("nobody", "daemon", "bin")

# Nothing of the caller's environment (PGDATA, PGOPTIONS, secrets) reaches the server; naming the time zone and the
# language keeps it from searching for them.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def take(self, path: Path) -> None:
        """Make ``path`` this account's own, closed to everybody else."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        path.chmod(0o700 if path.is_dir() else 0o600)

    def launch(
        self, command: Sequence[str | Path], *, folder: Path, output: int, extra: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start ``command`` apart from our terminal, so that Ctrl-C reaches only us."""
        return subprocess.Popen(
            command,
            cwd=folder,
            env=_ENVIRONMENT | (extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            user=None if self.is_ours else self.uid,
            group=None if self.is_ours else self.gid,
            extra_groups=None if self.is_ours else [],
        )

    def run(self, command: Sequence[str | Path], *, folder: Path) -> tuple[int, str]:
        """Run ``command`` to its end: its exit status and all it said.

        Raises:
            OSError: this account may not run it.
            subprocess.TimeoutExpired: it took minutes; it was killed.
        """
        with self.launch(command, folder=folder, output=subprocess.PIPE) as process:
            try:
                said, _ = process.communicate(timeout=_SECONDS_MAX)
            except BaseException:
                with suppress(ProcessLookupError):  # it may have ended this moment
                    os.killpg(process.pid, signal.SIGKILL)  # and what it has started itself
                raise
        return process.returncode, said.decode(errors="replace")

    def may_enter(self, folder: Path) -> bool:
        """Whether this account can get to ``folder``; tried, because permissions are not all that counts."""
        status, _ = self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder], folder=Path("/"))
        return status == 0


def account_for(data: Path) -> Account:
    """The account for a server on the folder ``data``: us, or for root the folder's owner or a lent account."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in _LENT_BY_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresUnavailable(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(_LENT_BY_ROOT)} exists here: "
        "start JobSphere as an ordinary user, or set DATABASE_URL."
    )
