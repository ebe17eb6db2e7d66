"""The PostgreSQL of a run: our embedded one with the settings it always has, in a temporary home."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from jobsphere.database import create_engine
from jobsphere.embedded_postgres import (
    Cluster,
    EmbeddedPostgres,
    Role,
    create_database_from_template,
    drop_database,
    prepare_database,
    stored_passwords,
)
from jobsphere.embedded_postgres.cluster import SUPERUSER
from jobsphere.migrations.migrate import migrate


@dataclass(frozen=True, slots=True)
class Ground:
    """A running server and the two roles that every database on it has."""

    home: Path
    server: EmbeddedPostgres
    cluster: Cluster
    owner: Role
    application: Role
    databases: set[str] = field(default_factory=set)

    def prepare(self, database: str) -> None:
        """Make an empty database."""
        prepare_database(self.cluster, database=database, owner=self.owner, application=self.application)
        self.databases.add(database)

    async def migrated(self, database: str) -> None:
        """Make an empty database with JobSphere's tables."""
        self.prepare(database)
        await migrate(self.owner_url(database), self.application.name)

    def copy(self, database: str, template: str) -> None:
        """Make a database that begins with everything in ``template``, which nobody may be connected to."""
        create_database_from_template(self.cluster, database, template)
        self.databases.add(database)

    def drop(self, database: str) -> None:
        """Give back the room on the disk."""
        drop_database(self.cluster, database)
        self.databases.discard(database)

    async def tidy(self, database: str) -> None:
        """What autovacuum does in time anyway, before anybody's turn instead of during somebody's."""
        engine = create_engine(self.owner_url(database), pool_size=1)
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("SET statement_timeout = 0"))
            await connection.execute(text("VACUUM ANALYZE"))
        await engine.dispose()

    def url(self, database: str) -> str:
        """As the application."""
        return self._url(self.application, database)

    def owner_url(self, database: str) -> str:
        """As the owner of the tables."""
        return self._url(self.owner, database)

    def superuser_url(self, database: str) -> str:
        """As the superuser, for what a benchmark prepares."""
        return self._url(Role(SUPERUSER, self.cluster.superuser_password), database)

    def _url(self, role: Role, database: str) -> str:
        return self.cluster.url(user=role.name, password=role.password, database=database)


@contextmanager
def open_ground() -> Iterator[Ground]:
    """Start it; afterwards stop it and remove all it left. ``TMPDIR`` says on which disk it lives."""
    home = Path(tempfile.mkdtemp(prefix="jobsphere-bench-"))
    home.chmod(0o711)  # root lends PostgreSQL another account, which must pass through
    server = EmbeddedPostgres(home)
    try:
        with server as cluster:
            passwords = stored_passwords(home)
            yield Ground(
                home,
                server,
                cluster,
                Role("jobsphere_owner", passwords.owner),
                Role("jobsphere_application", passwords.application),
            )
    finally:
        shutil.rmtree(home)
