"""Asking a server whether it takes connections, with the first message of the protocol and no password."""

import socket
import struct
from pathlib import Path

from jobsphere.embedded_postgres.cluster import LOOPBACK

_PROTOCOL_VERSION = 3 << 16
_NOT_NOW = b"C57P03\x00"  # SQLSTATE cannot_connect_now: it is starting, recovering or shutting down
_SECONDS_MAX = 2.0


def answers(socket_directory: Path | None, port: int) -> bool:
    """Whether a server listens there and is ready to check a password."""
    try:
        with _connected(socket_directory, port) as connection:
            body = struct.pack("!I", _PROTOCOL_VERSION) + b"user\x00nobody-asks\x00\x00"
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            answer = connection.recv(1024)
    except OSError:
        return False
    return bool(answer) and _NOT_NOW not in answer


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            trial.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket(socket.AF_INET) as trial:
        trial.bind((LOOPBACK, 0))
        port: int = trial.getsockname()[1]
    return port


def _connected(socket_directory: Path | None, port: int) -> socket.socket:
    if socket_directory is None:
        return socket.create_connection((LOOPBACK, port), timeout=_SECONDS_MAX)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_SECONDS_MAX)
        connection.connect(str(socket_directory / f".s.PGSQL.{port}"))
    except BaseException:
        connection.close()
        raise
    return connection
