"""``jobsphere demo`` tells the truth: the table to the cent, a proof, and failure when it is not so."""

import subprocess
from pathlib import Path

import pytest

from jobsphere.cli.demo import TABLE
from tests.processes.conftest import processes_of
from tests.processes.starting import environment, jobsphere

pytestmark = pytest.mark.processes


def test_the_demo_prints_the_table_and_the_proof_and_leaves_nothing(place: Path) -> None:
    temporary = _folder(place, "demo")

    played = _demo(temporary)

    assert played.returncode == 0, played.stdout + played.stderr
    for row in TABLE:
        amounts = [row.available, row.escrow, row.platform, row.contractor, row.stripe]
        assert any(line.split()[-5:] == amounts for line in played.stdout.splitlines()), row
    assert "of 80.00: paid" in played.stdout
    assert "The books are proven" in played.stdout
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def test_the_demo_fails_when_the_books_are_not_as_expected_and_leaves_nothing(place: Path) -> None:
    temporary = _folder(place, "failing-demo")

    played = _demo(temporary, "--expect", "withdrawn.contractor=1.00")

    assert played.returncode == 1
    assert "contractor is 0.00, expected 1.00" in played.stdout
    assert "as expected, to the cent" not in played.stdout
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


@pytest.mark.parametrize("nonsense", ["withdrawn.contractor", "nowhere.contractor=1.00", "withdrawn.nobody=1.00"])
def test_the_demo_says_how_an_expectation_is_written(place: Path, nonsense: str) -> None:
    played = _demo(place, "--expect", nonsense)

    assert played.returncode == 1
    assert "step.column=amount" in played.stdout


def _folder(place: Path, name: str) -> Path:
    folder = place / name
    folder.mkdir(mode=0o755)
    return folder


def _demo(temporary: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Play it with ``temporary`` as the folder for temporary files."""
    env = environment(TMPDIR=str(temporary))
    command = jobsphere("demo", *options)
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
