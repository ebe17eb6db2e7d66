"""Bringing one server up: adopting the one that runs, or starting a new one and waiting until it answers."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from jobsphere.embedded_postgres import probe
from jobsphere.embedded_postgres.accounts import Account
from jobsphere.embedded_postgres.configuration import write_configuration
from jobsphere.embedded_postgres.errors import PostgresUnavailable
from jobsphere.embedded_postgres.layout import Layout
from jobsphere.embedded_postgres.logs import last_words, new_start_log
from jobsphere.embedded_postgres.processes import (
    PidFile,
    dying_postmaster,
    end,
    lingering_processes,
    pid_file,
    read_pid_file,
    running_postmaster,
)

# Recovery after a crash reads at most a few gigabytes again.
_READY_SECONDS_MAX = 120
_POLL_SECONDS = 0.01
_NOTICE_SECONDS = 1.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Launch:
    """All that bringing up needs to know."""

    layout: Layout
    account: Account
    settings: Mapping[str, str]

    def adopted_port(self) -> int | None:
        """The port of the server that runs already, once it answers; None when none runs (any more).

        One that is just shutting down is waited for.
        """
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while process := running_postmaster(self.layout, self.account):
            note = read_pid_file(self.layout.data)
            if note and self._is_ready(note):
                return note.port
            if time.monotonic() > deadline:
                raise PostgresUnavailable(
                    f"The PostgreSQL in {self.layout.data} (process {process.pid}) runs but does not answer: "
                    "end that process and start again.",
                    server_log=last_words(self.layout),
                )
            time.sleep(_POLL_SECONDS)
        return None

    def clear_remains(self) -> None:
        """End what is left of a server whose main process was killed.

        Raises:
            PostgresUnavailable: something that is not ours to end still uses the folder.
        """
        if not pid_file(self.layout.data).exists():
            return
        end(dying_postmaster(self.layout, self.account), (None, _NOTICE_SECONDS))
        left = lingering_processes(self.layout, self.account)
        # Most notice within moments; one in the middle of a long statement has to be told.
        if not end(left, (None, _NOTICE_SECONDS), (signal.SIGQUIT, _NOTICE_SECONDS), (signal.SIGKILL, 2)):
            raise PostgresUnavailable(f"Processes of a dead PostgreSQL in {self.layout.data} cannot be ended.")
        if self._is_served_elsewhere():
            raise PostgresUnavailable(
                f"{self.layout.data} is served by a PostgreSQL that cannot be seen from here, perhaps in another "
                "container: stop that one, or choose another JOBSPHERE_HOME."
            )
        if read_pid_file(self.layout.data) is None:
            # Cut short by a full disk or a loss of power; beside it the server would refuse to start for ever.
            pid_file(self.layout.data).unlink()
            if folder := self.layout.socket_directory:
                (folder / f".s.PGSQL.{self.layout.socket_port}.lock").unlink(missing_ok=True)

    def _is_served_elsewhere(self) -> bool:
        """Two servers on one folder would destroy it, and from another container the process is invisible.

        On a port anybody may answer, therefore only the socket in our own folder counts.
        """
        folder = self.layout.socket_directory
        return folder is not None and probe.answers(folder, self.layout.socket_port)

    def choose_port(self, wanted: int | None) -> int:
        """The socket's fixed number, or the port ``wanted`` by those who hold the address, or any free one."""
        if self.layout.socket_directory is not None:
            return self.layout.socket_port
        if wanted is not None:
            if not probe.is_free(wanted):
                raise PostgresUnavailable(
                    f"Port {wanted} of this PostgreSQL was taken by another program while it was down: "
                    "free it, or start JobSphere again to use another port."
                )
            return wanted
        note = read_pid_file(self.layout.data)
        if note and probe.is_free(note.port):
            return note.port  # others that still use this home know it by the old one
        return probe.free_port()

    def start(self, programs: Path, port: int) -> None:
        """Start the server and return when it answers; on any failure nothing of it is left running."""
        configuration = write_configuration(self.layout, port=port, settings=self.settings)
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            self.layout.data,
            "-c",
            f"config_file={configuration}",
        ]
        started = time.monotonic()
        with new_start_log(self.layout) as output:
            process = self.account.launch(
                command, folder=self.layout.root, output=output, extra=self._stale_note_is_stale()
            )
        try:
            self._wait_until_ready(process)
        except BaseException:
            self._abandon(process)
            raise
        # From here on it may outlive us: it is known by its data folder, not as our child.
        process.returncode = 0
        log.info("postgres.started", pid=process.pid, seconds=round(time.monotonic() - started, 3))

    def _stale_note_is_stale(self) -> dict[str, str]:
        """Let the server overwrite the note of a dead one even if its number now belongs to somebody else.

        This is how pg_ctl says so; unlike deleting the note, it leaves the server's own checks for remains on.
        """
        note = read_pid_file(self.layout.data)
        return {"PG_GRANDPARENT_PID": str(note.pid)} if note else {}

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _READY_SECONDS_MAX
        while (note := read_pid_file(self.layout.data)) is None or not (
            note.pid == process.pid and self._is_ready(note)
        ):
            if process.poll() is not None or time.monotonic() > deadline:
                raise PostgresUnavailable(
                    f"PostgreSQL did not start in {self.layout.data}: see below. If room, memory or permission is "
                    "missing, provide it, or choose another JOBSPHERE_HOME.",
                    server_log=last_words(self.layout),
                )
            time.sleep(_POLL_SECONDS)

    def _is_ready(self, note: PidFile) -> bool:
        return note.says_ready and probe.answers(self.layout.socket_directory, note.port)

    def _abandon(self, process: "subprocess.Popen[bytes]") -> None:
        for number, seconds in ((signal.SIGQUIT, 2.0), (signal.SIGKILL, None)):
            if process.poll() is None:
                os.kill(process.pid, number)
            try:
                process.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                continue
