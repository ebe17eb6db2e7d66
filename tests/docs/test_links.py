"""Links and fenced commands in all documentation lead somewhere, and nothing names a machine or a registry."""

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, blocks

_ELSEWHERE = {".venv", ".git", "node_modules"}
PAGES = sorted(
    path
    for path in REPOSITORY.rglob("*.md")
    if not _ELSEWHERE & set(path.relative_to(REPOSITORY).parts) and ".cache" not in str(path)
)


def _named(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)\s]+)\)", text)

    broken = [link for link in links if not re.match("https?://", link) and not _leads_somewhere(page, link)]
    assert broken == []


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """As GitHub names them: in lower case, without punctuation, spaces as hyphens."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    found = re.findall(
        r"/(?:root|work|Users)/|/home/\w+|/simple/|--(?:extra-)?index-url", page.read_text(encoding="utf-8")
    )

    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_files_and_commands_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = set(re.findall(r"`((?:src|tests|docs)/[\w/.-]+)`", text))
    shell = "\n".join(block for kind in ("text", "bash") for block in blocks(text, kind))
    commands = set(re.findall(r"(?:^|\s|`)(?:\.venv/bin/)?jobsphere ([a-z-]+)", shell))

    assert {name for name in files if not (REPOSITORY / name).exists()} == set()
    assert commands - _commands() == set()


@functools.cache
def _commands() -> set[str]:
    said = subprocess.run(
        [sys.executable, "-m", "jobsphere", "--help"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"^  ([a-z-]+)  ", said, re.MULTILINE))


def test_there_is_a_page_for_every_decision_and_none_is_skipped() -> None:
    numbers = sorted(path.name[:4] for path in (REPOSITORY / "docs" / "adr").glob("*.md"))

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize(
    "page", sorted((REPOSITORY / "docs" / "adr").glob("*.md")), ids=lambda page: page.stem[:4]
)
def test_a_decision_has_its_number_date_and_four_parts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert re.match(rf"# {int(page.name[:4])}\. .+\n\nDate: \d{{4}}-\d\d-\d\d\. Status: \w+", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) < 70
