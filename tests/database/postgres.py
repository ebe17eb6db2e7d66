"""PostgreSQL's own programs, run as the owner on a database of the test server."""

import os
import subprocess
from pathlib import Path

from jobsphere.embedded_postgres.software import MAJOR_VERSION, installed_package
from tests.conftest import OWNER, Databases

_PROGRAMS = installed_package() / f"pginstall{MAJOR_VERSION}" / "bin"


def run_program(name: str, databases: Databases, database: str, *arguments: str | Path) -> str:
    """What the program prints; it fails the test if it fails or warns."""
    done = subprocess.run(
        [_PROGRAMS / name, *arguments],
        env={
            **{variable: os.environ[variable] for variable in ("PATH", "LANG") if variable in os.environ},
            "PGHOST": databases.cluster.host,
            "PGPORT": str(databases.cluster.port),
            "PGUSER": OWNER,
            "PGPASSWORD": databases.owner_password,
            "PGDATABASE": database,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def schema_of(databases: Databases, database: str) -> set[str]:
    """Every statement that would make the schema again, without the rights, which ``GRANTS`` gives."""
    dump = run_program(
        "pg_dump", databases, database, "--schema-only", "--no-privileges", "--exclude-table=alembic_version"
    )
    lines = [line for line in dump.splitlines() if not line.startswith(("--", "\\"))]
    return {
        _with_columns_in_one_order(statement) for statement in "\n".join(lines).split(";\n\n") if statement.strip()
    }


def _with_columns_in_one_order(statement: str) -> str:
    """A column that a migration adds comes last; where a column stands makes no difference."""
    statement = statement.strip().removesuffix(";")
    if not statement.startswith("CREATE TABLE"):
        return statement
    head, *columns = statement.splitlines()
    return "\n".join([head, *sorted(column.strip().rstrip(",") for column in columns)])
