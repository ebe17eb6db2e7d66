"""Locks between processes. The kernel drops them with their holder, so a SIGKILL leaves nothing to clean up.

Two files: whoever changes the state of the server (start, restart, stop) holds the first one alone for a moment;
whoever uses the server holds the second one together with the others for as long as it does.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobsphere.embedded_postgres.errors import PostgresUnavailable


class BusyElsewhere(PostgresUnavailable):
    """Another process is starting or stopping the server, for longer than we wait."""


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _taken_at_once(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def alone(path: Path, *, seconds_max: float) -> Iterator[None]:
    """Hold ``path`` alone.

    Raises:
        BusyElsewhere: another process held it for all of ``seconds_max``.
    """
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + seconds_max
        while not _taken_at_once(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise BusyElsewhere(
                    f"Another process has been starting or stopping this PostgreSQL for {seconds_max:.0f} s "
                    f"(it holds {path}): wait for it or end it, then start again."
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


class Use:
    """One user's share in the server. Taken and given back only while ``alone`` holds the other lock."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _open(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def is_the_only_one(self) -> bool:
        """Whether nobody else uses the server. The share may be lost by asking: give it back afterwards."""
        return _taken_at_once(self._descriptor, fcntl.LOCK_EX)

    def give_back(self) -> None:
        os.close(self._descriptor)
