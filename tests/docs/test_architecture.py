"""docs/architecture.md names files, layers, tables and crash points that exist."""

import re
import tomllib

import pytest

import jobsphere.web.app
import jobsphere.worker  # noqa: F401 - modules declare their crash points when they are imported
from jobsphere import crash_points
from jobsphere.migrations.tables import metadata
from tests.docs.pages import REPOSITORY, blocks, read, rows, section

ARCHITECTURE = read("docs/architecture.md")
SOURCE = REPOSITORY / "src" / "jobsphere"


def test_the_layers_are_those_that_are_checked() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]

    assert blocks(section(ARCHITECTURE, "layers"), "text")[0].splitlines() == layers


def test_every_folder_and_file_is_described() -> None:
    table = ARCHITECTURE[ARCHITECTURE.index("| folder or file |") : ARCHITECTURE.index("Inside a business folder")]
    described = {name for row in rows(table) for name in re.findall("`(.+?)`", row[0])}

    there = {f"{path.name}/" if path.is_dir() else path.name for path in SOURCE.iterdir()}
    assert described == {name for name in there if not name.startswith("__") and name != "py.typed"}


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", ARCHITECTURE))

    assert {name for name in named if not (SOURCE / name).is_file()} == set()


def test_every_crash_point_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:commit|stripe):[a-z_.]+)`", ARCHITECTURE))
    declared = set(crash_points.declared())

    assert len(named) > 20
    assert {f"{name}:{side}" for name in named for side in ("before", "after")} <= declared


@pytest.mark.parametrize("path", ["deposit", "webhook", "offer", "withdrawal"])
def test_no_path_passes_more_than_six_files(path: str) -> None:
    files = {name for row in rows(section(ARCHITECTURE, path)) for name in re.findall(r"`(\S+\.py)`", row[0])}

    assert 0 < len(files) <= 6


def test_every_table_is_described() -> None:
    part = ARCHITECTURE[ARCHITECTURE.index("| table | holds") : ARCHITECTURE.index("Two roles")]
    described = {name for row in rows(part) for name in re.findall("`(.+?)`", row[0])}

    assert described == set(metadata.tables)
