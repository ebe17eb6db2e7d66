"""The one refusal of the embedded PostgreSQL, which always says what a person can do about it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class PostgresUnavailable(Exception):
    """PostgreSQL could not be started or reached.

    The message says what to do; ``server_log`` holds the last lines the server wrote and is part of the message.
    """

    def __init__(self, message: str, *, server_log: str = "") -> None:
        self.server_log = server_log.strip()
        super().__init__(f"{message}\nThe server's last words:\n{self.server_log}" if self.server_log else message)


@contextmanager
def refusals_of_the_machine(home: Path) -> Iterator[None]:
    """Turn what the operating system refuses (no space, no permission, a lost program) into our refusal."""
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise PostgresUnavailable(
            f"PostgreSQL cannot be kept in {home}: {error}. "
            "Make room or give access there, or choose another folder with JOBSPHERE_HOME."
        ) from error
