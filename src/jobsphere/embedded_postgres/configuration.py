"""The server's configuration: what we choose, what a caller may change, and what nobody may."""

from collections.abc import Mapping
from pathlib import Path

from jobsphere.embedded_postgres.cluster import LOOPBACK
from jobsphere.embedded_postgres.layout import Layout, write_anew

LOG_FILES_MAX = 5

_OURS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.english",
    # Files in the data folder instead of /dev/shm: nothing outside our home, and no limit of 64 MB in a container.
    "dynamic_shared_memory_type": "mmap",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_rotation_size": "10MB",
    "log_rotation_age": "0",
    "log_checkpoints": "off",
    # A statement may hold a password, its parameters a person's data, the detail of an error both.
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


def _fixed(layout: Layout, port: int) -> dict[str, str]:
    socket_directory = layout.socket_directory
    return {
        "listen_addresses": "" if socket_directory else LOOPBACK,
        "port": str(port),
        "unix_socket_directories": _as_list_item(socket_directory) if socket_directory else "",
        "unix_socket_permissions": "0700",
        "hba_file": str(_access_file(layout)),
        "password_encryption": "scram-sha-256",
        "allow_alter_system": "off",
        "cluster_name": layout.cluster_name,
        "logging_collector": "on",
        "log_destination": "stderr",
        "log_directory": str(layout.log),
        "log_filename": "postgresql-%Y%m%d-%H%M%S.log",
        "log_file_mode": "0600",
    }


def _as_list_item(path: Path) -> str:
    """``path`` as one item of a list: in double quotes, so that a comma in it does not end it."""
    doubled = str(path).replace('"', '""')
    return f'"{doubled}"'


def check_settings(settings: Mapping[str, str]) -> None:
    """Refuse (ValueError) settings that would take the server out of our hands, and lines in disguise."""
    refused = sorted(set(settings) & set(_fixed(Layout(Path("/")), 0)))
    if refused:
        raise ValueError(f"these settings are not for the caller to choose: {', '.join(refused)}")
    for name, value in settings.items():
        if not name.replace("_", "").replace(".", "").isalnum() or not value.isprintable():
            raise ValueError(f"not a PostgreSQL setting: {name!r}")


def write_configuration(layout: Layout, *, port: int, settings: Mapping[str, str]) -> Path:
    """Write both files for the next start; returns the path of the main one."""
    chosen = _OURS | dict(settings) | _fixed(layout, port)
    # The files hold no secret and lie outside the data folder, where the server itself cannot change them.
    write_anew(_access_file(layout), _access_rules(), mode=0o644)
    path = layout.root / "postgresql.conf"
    write_anew(path, "".join(f"{name} = {_quoted(value)}\n" for name, value in chosen.items()), mode=0o644)
    return path


def _access_file(layout: Layout) -> Path:
    return layout.root / "pg_hba.conf"


def _access_rules() -> str:
    return f"local all all scram-sha-256\nhost all all {LOOPBACK}/32 scram-sha-256\n"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
