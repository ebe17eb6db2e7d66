"""The sandbox's README tells what there is: its tables are compared with the code."""

import re
from pathlib import Path

import stripe_sandbox
from stripe_sandbox.dashboard.actions import ACTIONS

README = (Path(stripe_sandbox.__file__).parent / "README.md").read_text()


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table that follows a heading."""
    section = README.partition(f"{heading}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_action_is_documented_with_its_object_and_options() -> None:
    told = {
        _words(name)[0]: (_words(kind), _words(options))
        for name, kind, options in _rows("### What is done by hand")
    }
    options = {name: [option.name for option in action.options] for name, action in ACTIONS.items()}
    assert told == {name: ([action.kind], options[name]) for name, action in ACTIONS.items()}
