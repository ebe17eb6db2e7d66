"""Where a home is and how a server is addressed; no process is started here."""

from pathlib import Path

import pytest
import sqlalchemy

from jobsphere.embedded_postgres import Cluster, default_home
from jobsphere.embedded_postgres.layout import Layout


@pytest.mark.parametrize("folder", ["/home/of postgres/socket", "/a&b=c/ü/\"socket'", "/a:5/socket"])
def test_sqlalchemy_reads_the_address_of_a_socket_back(folder: str) -> None:
    cluster = Cluster(Path(folder), 5432, "secret")

    url = sqlalchemy.make_url(cluster.url(user="a b", password="p/w:@?", database="d/b"))

    assert (url.drivername, url.username, url.password, url.database) == (
        "postgresql+asyncpg",
        "a b",
        "p/w:@?",
        "d/b",
    )
    assert url.get_dialect()().create_connect_args(url)[1] == {
        "host": folder,
        "port": 5432,
        "user": "a b",
        "password": "p/w:@?",
        "database": "d/b",
    }


def test_sqlalchemy_reads_a_loopback_address_back() -> None:
    url = sqlalchemy.make_url(Cluster(None, 6543, "secret").url(user="u", password="p", database="d"))

    assert (url.host, url.port, url.database) == ("127.0.0.1", 6543, "d")


def test_a_cluster_in_a_log_shows_no_password() -> None:
    assert "secret" not in repr(Cluster(None, 6543, "secret"))


def test_the_home_is_the_one_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSPHERE_HOME", "/srv/money")
    assert default_home() == Path("/srv/money")


@pytest.mark.parametrize("setting", [None, ""])
def test_without_one_root_and_others_have_their_own(monkeypatch: pytest.MonkeyPatch, setting: str | None) -> None:
    monkeypatch.delenv("JOBSPHERE_HOME", raising=False)
    if setting is not None:
        monkeypatch.setenv("JOBSPHERE_HOME", setting)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/somebody/data")

    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/jobsphere")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_home() == Path("/home/somebody/data/jobsphere")


def test_two_spellings_of_one_home_are_one_server(home: Path) -> None:
    link = home / "link"
    link.symlink_to(home)

    assert Layout.of(link) == Layout.of(home)
    assert Layout.of(home / "x" / "..") == Layout.of(home)


def test_a_socket_path_too_long_for_the_kernel_is_not_used() -> None:
    longest = "/" + "x" * (100 - len("//postgres/socket/.s.PGSQL.5432"))

    assert Layout.of(Path(longest)).socket_directory is not None
    assert Layout.of(Path(longest + "x")).socket_directory is None
    assert Layout.of(Path(longest[:-1] + "ü")).socket_directory is None  # bytes count, not letters


def test_a_socket_path_that_drivers_read_as_a_list_is_not_used() -> None:
    assert Layout.of(Path("/a,b")).socket_directory is None
