"""What the caller gets of a running server: where it listens and how to address it."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

SUPERUSER = "postgres"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a running server listens. The address stays the same when the server has to be started again."""

    socket_directory: Path | None  # a folder only its owner may enter; None: TCP on the loopback address
    port: int
    superuser_password: str = field(
        repr=False
    )  # for setting up roles and databases; the application never uses it

    @property
    def host(self) -> str:
        """The host as drivers take it: the folder of the socket, or the loopback address."""
        return str(self.socket_directory) if self.socket_directory else LOOPBACK

    def url(self, *, user: str, password: str, database: str) -> str:
        """The address of ``database`` for SQLAlchemy's asyncpg dialect. It contains the password."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        name = quote(database, safe="")
        if self.socket_directory:
            place = urlencode({"host": str(self.socket_directory), "port": self.port}, safe="/")
            return f"postgresql+asyncpg://{login}@/{name}?{place}"
        # asyncpg would ask for TLS first; the loopback server has none.
        return f"postgresql+asyncpg://{login}@{LOOPBACK}:{self.port}/{name}?ssl=disable"
