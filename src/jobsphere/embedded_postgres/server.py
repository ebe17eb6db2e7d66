"""The embedded server as its users hold it: start, watch, stop; several processes may hold the same one."""

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

import structlog

from jobsphere.embedded_postgres.accounts import Account, account_for
from jobsphere.embedded_postgres.cluster import Cluster
from jobsphere.embedded_postgres.configuration import check_settings
from jobsphere.embedded_postgres.errors import PostgresUnavailable, refusals_of_the_machine
from jobsphere.embedded_postgres.initialise import check_data, initialise
from jobsphere.embedded_postgres.launch import Launch
from jobsphere.embedded_postgres.layout import Layout
from jobsphere.embedded_postgres.locks import BusyElsewhere, Use, alone
from jobsphere.embedded_postgres.logs import discard_old_logs
from jobsphere.embedded_postgres.passwords import stored_passwords
from jobsphere.embedded_postgres.processes import end, lingering_processes, read_pid_file, running_postmaster
from jobsphere.embedded_postgres.software import programs_for

_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
# Longer than the longest start, because a second process has to wait for the first one's.
_START_LOCK_SECONDS_MAX = 150
# Whoever stops is being waited for; a start by somebody else means that the server stays anyway.
_STOP_LOCK_SECONDS_MAX = 2
_FAST_SECONDS, _IMMEDIATE_SECONDS, _KILL_SECONDS = 4.0, 2.0, 0.5

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class EmbeddedPostgres:
    """One user's hold on the server of one home. Methods may be called from any thread."""

    def __init__(self, home: Path, *, settings: Mapping[str, str] = _NO_SETTINGS) -> None:
        """Nothing happens yet.

        Args:
            home: the folder that holds everything; made when missing.
            settings: of PostgreSQL, beside or instead of ours (``{"fsync": "off"}`` for tests); they count when
                this object is the one that starts the server.
        """
        check_settings(settings)
        self._home = home
        self._layout = Layout.of(home)
        self._settings = settings
        self._one_at_a_time = threading.RLock()
        self._use: Use | None = None
        self._cluster: Cluster | None = None

    def start(self) -> Cluster:
        """The running server: adopted when it runs already, else started, on a new data folder if there is none.

        Blocks until it answers. Starting twice is starting once.

        Raises:
            PostgresUnavailable: the message says what to do; nothing half-made is left.
        """
        with self._one_at_a_time, refusals_of_the_machine(self._home):
            self._layout.make_root()
            with alone(self._layout.start_lock, seconds_max=_START_LOCK_SECONDS_MAX):
                use = self._use or Use(self._layout.users_lock)
                try:
                    cluster = self._brought_up()
                except BaseException as error:
                    if self._use is None:
                        self._withdraw(use, interrupted=not isinstance(error, Exception))
                    raise
                self._use, self._cluster = use, cluster
                return cluster

    def is_running(self) -> bool:
        """Whether the server's main process lives, whoever started it. Never waits."""
        try:
            return running_postmaster(self._layout, account_for(self._layout.data)) is not None
        except OSError:
            return False

    def ensure_running(self) -> None:
        """Start the server again, at the same address, if it died; to be called every few seconds.

        Does nothing before ``start`` and after ``stop``.

        Raises:
            PostgresUnavailable: it could not be started; worth trying again.
        """
        with self._one_at_a_time, refusals_of_the_machine(self._home):
            if self._cluster is None:
                return
            discard_old_logs(self._layout)
            if self._is_at_our_address():
                return
            log.warning("postgres.died", data=str(self._layout.data))
            with alone(self._layout.start_lock, seconds_max=_START_LOCK_SECONDS_MAX):
                self._brought_up()

    def stop(self) -> None:
        """Give the server back, and shut it down when no other process uses it. Stopping twice is stopping once.

        Connections that are still open are closed; what was committed is kept. Typically well under a second,
        never more than ten.
        """
        with self._one_at_a_time:
            if self._use is None:
                return
            use, self._use, self._cluster = self._use, None, None
            try:
                with alone(self._layout.start_lock, seconds_max=_STOP_LOCK_SECONDS_MAX):
                    if use.is_the_only_one():
                        self._shut_down()
                    else:
                        log.info("postgres.left_running", data=str(self._layout.data))
            except BusyElsewhere:
                # Somebody is starting it this moment, and will stop it.
                log.warning("postgres.left_running", data=str(self._layout.data))
            finally:
                use.give_back()

    def __enter__(self) -> Cluster:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _withdraw(self, use: Use, *, interrupted: bool) -> None:
        """Give up a start. A failed one leaves nothing running, but Ctrl-C may come just after it succeeded."""
        try:
            if interrupted and use.is_the_only_one():
                self._shut_down()
        finally:
            use.give_back()

    def _brought_up(self) -> Cluster:
        """Adopt or start; the caller holds the lock of those who start and stop."""
        passwords = stored_passwords(self._home)
        account = account_for(self._layout.data)
        launch = Launch(self._layout, account, self._settings)
        port = launch.adopted_port()
        if port is None:
            port = self._started(launch, superuser_password=passwords.superuser)
        elif self._cluster is None:
            log.info("postgres.adopted", data=str(self._layout.data))
        cluster = Cluster(self._layout.socket_directory, port, passwords.superuser)
        if self._cluster is not None and cluster != self._cluster:
            raise PostgresUnavailable(
                f"Another process started this PostgreSQL on port {port} instead of {self._cluster.port}: "
                "start JobSphere again."
            )
        return cluster

    def _started(self, launch: Launch, *, superuser_password: str) -> int:
        layout, account = self._layout, launch.account
        launch.clear_remains()
        self._check_reachable(account)
        programs = programs_for(account, layout)
        layout.make_folders(account)
        discard_old_logs(layout)
        if layout.data.exists():
            check_data(layout)
        else:
            durable = self._settings.get("fsync", "on") != "off"
            initialise(layout, account, programs, superuser_password=superuser_password, durable=durable)
            log.info("postgres.initialised", data=str(layout.data), account=account.name)
        port = launch.choose_port(self._cluster.port if self._cluster else None)
        launch.start(programs, port)
        return port

    def _check_reachable(self, account: Account) -> None:
        if account.is_ours or account.may_enter(self._layout.root):
            return
        raise PostgresUnavailable(
            f"For root PostgreSQL runs as the account {account.name}, which may not enter {self._layout.root}: "
            "choose another JOBSPHERE_HOME (/var/lib/jobsphere works), or let others pass its parent folders."
        )

    def _is_at_our_address(self) -> bool:
        note = read_pid_file(self._layout.data)
        return (
            self.is_running()
            and note is not None
            and self._cluster is not None
            and note.port == self._cluster.port
        )

    def _shut_down(self) -> None:
        account = account_for(self._layout.data)
        process = running_postmaster(self._layout, account)
        if process is not None:
            # Fast: ends all sessions. Immediate: ends at once, the next start recovers. Neither loses a commit.
            end(
                [process],
                (signal.SIGINT, _FAST_SECONDS),
                (signal.SIGQUIT, _IMMEDIATE_SECONDS),
                (signal.SIGKILL, _KILL_SECONDS),
            )
        end(lingering_processes(self._layout, account), (None, 0.5), (signal.SIGKILL, _KILL_SECONDS))
        log.info("postgres.stopped", data=str(self._layout.data))
