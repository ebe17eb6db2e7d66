"""The documentation as tests read it: files, marked sections, fenced blocks and tables."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def read(name: str) -> str:
    """The text of a file, named from the root of the repository."""
    return (REPOSITORY / name).read_text(encoding="utf-8")


def section(text: str, name: str) -> str:
    """What stands between ``<!-- name: begin -->`` and ``<!-- name: end -->``."""
    found = re.search(rf"<!-- {re.escape(name)}: begin -->(.*?)<!-- {re.escape(name)}: end -->", text, re.DOTALL)
    assert found is not None, f"there is no section {name!r}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks in this language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The rows of every table in ``text`` without headings, each cell without backticks around it."""
    lines = [line.strip() for line in text.splitlines()]
    tables = [line for line in lines if line.startswith("|")]
    headings = {place - 1 for place, line in enumerate(tables) if set(line) <= set("|-: ")}
    kept = [line for place, line in enumerate(tables) if place not in headings and place - 1 not in headings]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in kept]


def code(cell: str) -> str:
    """A cell that is one piece of code, without its backticks."""
    assert re.fullmatch("`[^`]+`", cell), f"not one piece of code: {cell}"
    return cell.strip("`")
