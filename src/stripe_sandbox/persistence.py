"""The state file: every record as one row of SQLite, so that a killed sandbox goes on where it was."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from stripe_sandbox.store import Record

_SCHEMA = "CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, body TEXT NOT NULL)"


class Database:
    """The state file, open. It guards against the death of the process, not of the machine."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # it holds the endpoints' secrets
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_SCHEMA)

    def load(self) -> Iterator[Record]:
        """All records in order of creation."""
        for (body,) in self._connection.execute("SELECT body FROM records ORDER BY sequence"):
            yield json.loads(body)

    def save(self, changed: Iterable[Record], removed: Iterable[str]) -> None:
        """Write one request's changes in one database transaction."""
        rows = [(record["id"], record["_sequence"], json.dumps(record)) for record in changed]
        self._connection.execute("BEGIN")
        self._connection.executemany("DELETE FROM records WHERE id = ?", [(identifier,) for identifier in removed])
        self._connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; everything saved is already in it."""
        self._connection.close()
