"""``expand[]``: replace ids by the objects they name, along paths such as ``data.latest_charge.refunds``."""

from collections.abc import Callable, Mapping
from typing import Any

from stripe_sandbox.http.errors import invalid
from stripe_sandbox.http.expandable import EXPANDABLE, LISTED
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown

DEPTH_MAX = 4
REFUNDS_SHOWN = 10

# How an object is shown that is more than its record, by kind.
Views = Mapping[str, Callable[[Sandbox, Record], Record]]


def check(paths: list[str], kind: str, *, listed: bool) -> None:
    """Let every path be one that leads somewhere from an answer of this kind, before anything is done.

    Raises:
        StripeError: a path is too deep or names something that cannot be expanded.
    """
    for path in paths:
        steps = path.split(".")
        if listed and steps[0] != "data":
            raise _not_expandable(path)
        steps = steps[listed:]
        if len(steps) > DEPTH_MAX:
            raise invalid(f"You cannot expand more than {DEPTH_MAX} levels of a property ({path}).", "expand")
        if not steps or not _leads_on({kind}, steps):
            raise _not_expandable(path)


def _leads_on(kinds: set[str], steps: list[str]) -> bool:
    for before, step in zip(["", *steps], steps, strict=False):
        if step == "data" and before in LISTED:
            continue
        if not kinds <= EXPANDABLE.keys():
            return True  # null today, and whatever follows null is null
        reached = [EXPANDABLE[kind][step] for kind in kinds if step in EXPANDABLE[kind]]
        if not reached:
            return False
        kinds = {kind for targets in reached for kind in targets}
    return True


class Expansion:
    """Puts objects in the place of ids in copies of records."""

    def __init__(self, sandbox: Sandbox, views: Views) -> None:
        self._sandbox = sandbox
        self._views = views

    def expanded(self, record: Record, paths: list[str]) -> Record:
        """A copy of ``record`` in which every checked path leads through objects instead of ids."""
        copy = shown(record)
        for path in paths:
            self._expand(copy, path.split("."))
        return copy

    def _expand(self, record: Record, steps: list[str]) -> None:
        name, *rest = steps
        if name == "refunds" and record["object"] == "charge":
            record.setdefault(name, self._refunds_of(record))
        if record.get(name) is None:
            return  # null, or a field that objects of this kind do not always have
        value = record[name]
        record[name] = [self._object(one) for one in value] if isinstance(value, list) else self._object(value)
        for inner in record[name] if isinstance(value, list) else [record[name]]:
            if rest and isinstance(inner, dict):
                self._expand(inner, rest)

    def _object(self, value: Any) -> Any:
        """A private copy of the object behind ``value``: an id, or an object already there."""
        if isinstance(value, dict):
            return dict(value)
        named = self._sandbox.store.get(value) if isinstance(value, str) else None
        if named is None:
            return value
        view = self._views.get(named["object"])
        return shown(view(self._sandbox, named) if view else named)

    def _refunds_of(self, charge: Record) -> Record:
        """A charge's newest refunds, which are shown only to who asks for them."""
        owner = self._sandbox.store.get(charge["id"]) or charge
        store = self._sandbox.store
        refunds = [shown(one) for one in store.newest_first("refund", owner["_account"], {"charge": charge["id"]})]
        return {
            "object": "list",
            "data": refunds[:REFUNDS_SHOWN],
            "has_more": len(refunds) > REFUNDS_SHOWN,
            "url": f"/v1/charges/{charge['id']}/refunds",
        }


def _not_expandable(path: str) -> Exception:
    return invalid(f"This property cannot be expanded ({path}).", "expand")
