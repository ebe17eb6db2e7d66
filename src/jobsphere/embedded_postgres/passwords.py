"""The passwords of one home: made once by chance, kept in one file that only its owner reads."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from jobsphere.embedded_postgres.errors import PostgresUnavailable, refusals_of_the_machine
from jobsphere.embedded_postgres.layout import Layout, write_anew


@dataclass(frozen=True, slots=True)
class StoredPasswords:
    superuser: str = field(repr=False)
    owner: str = field(repr=False)  # of the role that owns the schema
    application: str = field(repr=False)  # of the role the application runs as


def stored_passwords(home: Path) -> StoredPasswords:
    """The passwords of ``home``, made at the first call and the same ever after.

    Raises:
        PostgresUnavailable: the file cannot be read or made, or is lost while the data is still there.
    """
    layout = Layout.of(home)
    with refusals_of_the_machine(home):
        if not layout.passwords.exists():
            _create(layout)
        return _read(layout.passwords)


def _create(layout: Layout) -> None:
    if layout.data.exists():
        raise PostgresUnavailable(
            f"{layout.passwords} is lost, and the server in {layout.data} knows its passwords only: "
            "put the file back from a backup, or move the data folder away to begin anew."
        )
    layout.make_root()
    made = StoredPasswords(*(secrets.token_urlsafe(32) for _ in fields(StoredPasswords)))
    draft = layout.passwords.with_suffix(f".{secrets.token_hex(8)}")
    try:
        write_anew(draft, json.dumps(asdict(made)), mode=0o600)
        # Unlike a rename, a link never replaces the file of another process that was faster.
        os.link(draft, layout.passwords)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> StoredPasswords:
    try:
        return StoredPasswords(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise PostgresUnavailable(f"{path} is damaged: put it back from a backup.") from error
