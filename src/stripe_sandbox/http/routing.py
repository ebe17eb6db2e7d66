"""Finding the endpoint of a request: a tree of path segments, in which a name stands for any one segment."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.expandable import answered
from stripe_sandbox.http.parameters import Parameters
from stripe_sandbox.store import Record

NOTHING = Parameters()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the table of endpoints. ``publishable``: a browser's key may use it, too."""

    method: str
    path: str
    handler: Callable[[Call], Record]
    parameters: Parameters = NOTHING
    publishable: bool = False

    @property
    def answers(self) -> str | None:
        """The kind of the object that it answers, or of those in its list."""
        return answered(self.method, self.path)[0]

    @property
    def lists(self) -> bool:
        """Whether it answers a list."""
        return answered(self.method, self.path)[1]


class Router:
    """The tree of all endpoints."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._root: dict[str, Any] = {}
        for endpoint in endpoints:
            node = self._root
            for segment in endpoint.path.strip("/").split("/"):
                node = node.setdefault("*" if segment[0] == "{" else segment, {})
            node[f"<{endpoint.method}>"] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the values of the names in its path; None if there is none."""
        segments = path.strip("/").split("/")
        node = self._root
        for segment in segments:
            node = node.get(segment) or node.get("*") or {}
        endpoint: Endpoint | None = node.get(f"<{method}>")
        if endpoint is None:
            return None
        names = endpoint.path.strip("/").split("/")
        return endpoint, {name[1:-1]: value for name, value in zip(names, segments, strict=True) if name[0] == "{"}
