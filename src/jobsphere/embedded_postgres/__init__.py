"""A real PostgreSQL 18 under one folder of ours: started, watched and stopped by us, needing nothing installed.

The server's programs come from a Python package; everything else (data, socket, log, passwords) is made under
``<home>/postgres`` and nothing outside it is touched. Several processes may use one home at once: the first
starts the server, the last one stops it, and whatever a SIGKILL left behind the next start adopts or cleans up::

    with EmbeddedPostgres(default_home()) as cluster:
        passwords = stored_passwords(default_home())
        prepare_database(
            cluster,
            database="jobsphere",
            owner=Role("jobsphere_owner", passwords.owner),
            application=Role("jobsphere_application", passwords.application),
        )
"""

from jobsphere.embedded_postgres.cluster import Cluster
from jobsphere.embedded_postgres.databases import (
    Role,
    create_database_from_template,
    drop_database,
    prepare_database,
)
from jobsphere.embedded_postgres.errors import PostgresUnavailable
from jobsphere.embedded_postgres.layout import default_home
from jobsphere.embedded_postgres.passwords import StoredPasswords, stored_passwords
from jobsphere.embedded_postgres.server import EmbeddedPostgres

__all__ = [
    "Cluster",
    "EmbeddedPostgres",
    "PostgresUnavailable",
    "Role",
    "StoredPasswords",
    "create_database_from_template",
    "default_home",
    "drop_database",
    "prepare_database",
    "stored_passwords",
]
