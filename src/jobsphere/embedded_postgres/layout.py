"""Where everything of the embedded PostgreSQL lies: names and permissions of the files under its home."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from jobsphere.embedded_postgres.accounts import Account

# The kernel takes 107 bytes; the rest is room for the names of lock files and for doubt.
_SOCKET_PATH_BYTES_MAX = 100
_SOCKET_PORT = 5432  # with a socket the port is only a part of its file name


def default_home() -> Path:
    """``JOBSPHERE_HOME`` if set, else ``/var/lib/jobsphere`` for root, else the user's own data folder."""
    chosen = os.environ.get("JOBSPHERE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    if os.geteuid() == 0:
        return Path("/var/lib/jobsphere")
    from platformdirs import user_data_path  # needed here only, and slow to import

    return user_data_path("jobsphere")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths under one home. Two spellings of the same home (a symbolic link) give the same layout."""

    root: Path

    @classmethod
    def of(cls, home: Path) -> "Layout":
        return cls(home.expanduser().resolve() / "postgres")

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def unfinished_data(self) -> Path:
        return self.root / "data.unfinished"

    @property
    def socket_directory(self) -> Path | None:
        """The folder of the socket, or None when its path is too long for the kernel or a list for the driver."""
        folder = self.root / "socket"
        too_long = len(os.fsencode(folder / f".s.PGSQL.{_SOCKET_PORT}")) > _SOCKET_PATH_BYTES_MAX
        return None if too_long or "," in str(folder) else folder

    @property
    def socket_port(self) -> int:
        return _SOCKET_PORT

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def start_log(self) -> Path:
        """What the server says before its own log is open."""
        return self.root / "start.log"

    @property
    def start_lock(self) -> Path:
        return self.root / "start.lock"

    @property
    def users_lock(self) -> Path:
        return self.root / "users.lock"

    @property
    def passwords(self) -> Path:
        return self.root / "passwords.json"

    @property
    def cluster_name(self) -> str:
        """Stands in the title of every process of this server, so that they can be told from others."""
        return f"jobsphere-{sha256(os.fsencode(self.data)).hexdigest()[:16]}"

    def make_root(self) -> None:
        """Make the home as far as it is missing; what exists keeps its permissions.

        The account that runs the server for root must be able to pass through what root makes.
        """
        mode = 0o711 if os.geteuid() == 0 else 0o700
        missing = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)

    def make_folders(self, account: Account) -> None:
        """Make the folders that only the server's account may enter."""
        for folder in filter(None, (self.socket_directory, self.log)):
            folder.mkdir(exist_ok=True)
            account.take(folder)


def write_anew(path: Path, text: str, *, mode: int) -> None:
    """Replace ``path`` by a file of ours; never write into a file or link that someone else put there."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)  # whatever the caller's umask is
        file.write(text)
