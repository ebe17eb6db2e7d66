"""The sandbox's packages depend on each other in one direction, and on nothing of JobSphere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import stripe_sandbox

ROOT = Path(stripe_sandbox.__file__).parent
# A module may import from its own layer's package and from layers further right.
LAYERS = (
    "__main__ | cli testing | server | app | control_api pages | dashboard | control | due endpoints views | "
    "tidying | payments | money | connect | webhooks | http | books | deeds | sandbox | "
    "outbox persistence schedule clock | faults | store | ids settings"
)
RANK = {name: rank for rank, layer in enumerate(LAYERS.split("|")) for name in layer.split()}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_point_one_way_and_never_at_jobsphere() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        own = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for name in _imports(path):
            package, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            backwards = package == "stripe_sandbox" and other != own and RANK[other] <= RANK.get(own, -1)
            if backwards or package == "jobsphere":
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 350} == {}
