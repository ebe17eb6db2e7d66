"""The PostgreSQL of a run: our embedded one with the settings it always has, in a temporary home."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobsphere.embedded_postgres import Cluster, EmbeddedPostgres, Role, prepare_database, stored_passwords


@dataclass(frozen=True, slots=True)
class Ground:
    """A running server and the two roles that every database on it has."""

    home: Path
    cluster: Cluster
    owner: Role
    application: Role

    def prepare(self, database: str) -> None:
        """Make an empty database."""
        prepare_database(self.cluster, database=database, owner=self.owner, application=self.application)

    def url(self, database: str) -> str:
        """As the application."""
        return self._url(self.application, database)

    def owner_url(self, database: str) -> str:
        """As the owner of the tables."""
        return self._url(self.owner, database)

    def _url(self, role: Role, database: str) -> str:
        return self.cluster.url(user=role.name, password=role.password, database=database)


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Start it; afterwards stop it and remove all it left. ``TMPDIR`` says on which disk it lives."""
    home = Path(tempfile.mkdtemp(prefix="jobsphere-bench-"))
    home.chmod(0o711)  # root lends PostgreSQL another account, which must pass through
    try:
        with EmbeddedPostgres(home) as cluster:
            passwords = stored_passwords(home)
            yield Ground(
                home,
                cluster,
                Role("jobsphere_owner", passwords.owner),
                Role("jobsphere_application", passwords.application),
            )
    finally:
        shutil.rmtree(home)
