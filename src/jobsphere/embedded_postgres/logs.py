"""The server's own logs: opening the first one, quoting the end of them, and keeping them small."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobsphere.embedded_postgres.configuration import LOG_FILES_MAX
from jobsphere.embedded_postgres.layout import Layout, write_anew

_TAIL_BYTES = 2000
_TAIL_LINES = 12


@contextmanager
def new_start_log(layout: Layout) -> Iterator[int]:
    """An empty file for what the server says before its own log is open; its descriptor."""
    write_anew(layout.start_log, "", mode=0o600)
    descriptor = os.open(layout.start_log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def last_words(layout: Layout) -> str:
    """The last lines of the newest start, from both logs."""
    written_since = layout.start_log.stat().st_mtime if layout.start_log.exists() else 0.0
    newest = [path for path in _log_files(layout)[-1:] if path.lstat().st_mtime >= written_since - 1]
    return "\n".join(filter(None, map(_tail, [layout.start_log, *newest])))


def discard_old_logs(layout: Layout) -> None:
    """Keep the newest few files; the server itself begins a new one when one is full."""
    for path in _log_files(layout)[:-LOG_FILES_MAX]:
        path.unlink(missing_ok=True)


def _log_files(layout: Layout) -> list[Path]:
    return sorted(layout.log.glob("postgresql-*.log"))


def _tail(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - _TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-_TAIL_LINES:])
