"""``jobsphere migrate``: bring the schema up to date and grant the application its rights."""

from rich.console import Console

from jobsphere.cli import stack
from jobsphere.migrations.migrate import newest_revision
from jobsphere.observability import configure_logging
from jobsphere.settings import ConfigurationError


def run() -> None:
    """Migrate the configured database, or our own.

    Raises:
        ConfigurationError: there is a database but nobody who may migrate it.
    """
    settings = stack.read_settings()
    configure_logging(level="WARNING")
    if settings.database_url is not None and settings.database_owner_url is None:
        raise ConfigurationError("Set DATABASE_OWNER_URL to the role that owns (or is to own) JobSphere's tables")
    with stack.database(settings) as database:
        Console().print(f"{database.description()}: at version {newest_revision()}, application's rights granted.")
