"""The source code as syntax trees, for tests of how it is built."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SRC = Path(__file__).parents[2] / "src"


@dataclass(frozen=True, slots=True)
class Module:
    """One file: ``name`` is ``jobsphere.deposits.start``, ``folder`` what stands second in it."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        return [*self.name.split("."), ""][1]

    def imports(self) -> Iterator[str]:
        """Every name imported, whole: ``from a import b`` gives ``a.b``; also inside functions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} imports relatively"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def names(self) -> Iterator[str]:
        """Every name and attribute used, dotted where it is: ``datetime.now``, ``uuid4``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute):
                yield ast.unparse(node)


@cache
def modules(package: str = "jobsphere") -> tuple[Module, ...]:
    """Every module of the package."""
    return tuple(_module(path) for path in sorted((_SRC / package).rglob("*.py")))


def module(name: str) -> Module:
    """The module of that name, which must exist."""
    return next(found for found in modules() if found.name == name)


def _module(path: Path) -> Module:
    parts = path.relative_to(_SRC).with_suffix("").parts
    text = path.read_text(encoding="utf-8")
    return Module(".".join(part for part in parts if part != "__init__"), path, text, ast.parse(text))
