"""What can go wrong at a start: each time the message says what to do, and nothing half-made stays behind."""

import resource
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from jobsphere.embedded_postgres import EmbeddedPostgres, PostgresUnavailable, locks, probe, stored_passwords
from jobsphere.embedded_postgres.processes import pid_file

Ask = Callable[..., Awaitable[object]]


def _contents(home: Path) -> set[str]:
    return {path.name for path in (home / "postgres").iterdir()}


def test_a_disk_that_is_full_leaves_no_data_folder(home: Path) -> None:
    # The largest file a process may write stands for the end of the disk.
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from jobsphere.embedded_postgres import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1])).start()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(home)],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)),
    )

    assert result.returncode == 1
    assert "PostgresUnavailable: PostgreSQL could not make its data folder" in result.stderr
    assert "File too large" in result.stderr
    assert not {"data", "data.unfinished", "initdb.password"} & _contents(home)


def test_after_a_failed_first_start_the_next_one_succeeds(home: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="invalid value for parameter"):
        EmbeddedPostgres(home, settings={"max_connections": "many"}).start()

    with EmbeddedPostgres(home, settings={"fsync": "off"}):
        pass


def test_the_servers_last_words_are_part_of_the_message(home: Path) -> None:
    postgres = EmbeddedPostgres(home, settings={"shared_preload_libraries": "no_such_library"})

    with pytest.raises(PostgresUnavailable) as refusal:
        postgres.start()

    assert "no_such_library" in refusal.value.server_log
    assert "no_such_library" in str(refusal.value)
    assert not postgres.is_running()


def test_a_file_in_place_of_the_home_is_refused(home: Path) -> None:
    (home / "file").write_text("")

    with pytest.raises(PostgresUnavailable, match="another folder"):
        EmbeddedPostgres(home / "file").start()


@pytest.mark.parametrize(
    ("version", "words"), [("17", "made by PostgreSQL 17"), (None, "not a PostgreSQL data folder")]
)
def test_a_data_folder_of_another_kind_is_left_alone(home: Path, version: str | None, words: str) -> None:
    stored_passwords(home)
    data = home / "postgres" / "data"
    data.mkdir()
    if version:
        (data / "PG_VERSION").write_text(f"{version}\n")

    with pytest.raises(PostgresUnavailable, match=words):
        EmbeddedPostgres(home).start()

    assert [path.name for path in data.iterdir()] == (["PG_VERSION"] if version else [])


def test_lost_passwords_are_named_as_the_cause(postgres: EmbeddedPostgres, home: Path) -> None:
    postgres.start()
    postgres.stop()
    (home / "postgres" / "passwords.json").unlink()

    with pytest.raises(PostgresUnavailable, match="is lost"):
        postgres.start()


def test_whoever_waits_for_another_start_is_told_about_it(home: Path) -> None:
    lock = home / "lock"

    with (
        locks.alone(lock, seconds_max=1),
        pytest.raises(PostgresUnavailable, match="Another process"),
        locks.alone(lock, seconds_max=0.05),
    ):
        pass


@pytest.mark.parametrize("name", ["port", "hba_file", "listen_addresses", "logging_collector"])
def test_settings_that_keep_the_server_in_our_hands_are_not_for_the_caller(home: Path, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        EmbeddedPostgres(home, settings={name: "anything"})


@pytest.mark.parametrize("settings", [{"fsync": "off\nport = 1"}, {"fsync = off\nport": "1"}])
def test_a_setting_is_one_line(home: Path, settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a PostgreSQL setting"):
        EmbeddedPostgres(home, settings=settings)


def _kill_and_wait(home: Path) -> None:
    process = psutil.Process(int(pid_file(home / "postgres" / "data").read_text().split()[0]))
    process.kill()
    process.wait(5)


class TestOnTheLoopbackAddress:
    """Where the path of the socket would be too long."""

    @pytest.fixture
    def home(self, home: Path) -> Path:
        deep = home / ("long" * 20)
        deep.mkdir(mode=0o711)
        return deep

    async def test_the_server_listens_there_and_nowhere_else(self, postgres: EmbeddedPostgres, ask: Ask) -> None:
        cluster = postgres.start()

        assert cluster.socket_directory is None
        assert await ask(cluster, "SHOW listen_addresses") == "127.0.0.1"
        assert await ask(cluster, "SHOW unix_socket_directories") == ""
        assert await ask(cluster, "SELECT inet_server_addr()::text") == "127.0.0.1/32"

    def test_it_comes_back_on_the_same_port(self, postgres: EmbeddedPostgres, home: Path) -> None:
        cluster = postgres.start()
        _kill_and_wait(home)

        postgres.ensure_running()

        assert postgres.start() == cluster

    def test_a_port_taken_meanwhile_is_named(self, postgres: EmbeddedPostgres, home: Path) -> None:
        cluster = postgres.start()
        _kill_and_wait(home)
        while not probe.is_free(cluster.port):
            pass
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", cluster.port))
            other.listen()

            with pytest.raises(PostgresUnavailable, match=f"Port {cluster.port} .* taken"):
                postgres.ensure_running()

            with EmbeddedPostgres(home) as elsewhere:  # a new start is free to choose
                assert elsewhere.port != cluster.port
                with pytest.raises(PostgresUnavailable, match="start JobSphere again"):
                    postgres.ensure_running()
