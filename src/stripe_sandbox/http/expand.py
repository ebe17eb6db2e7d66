"""``expand[]``: replace ids by the objects they name, along paths such as ``data.latest_charge.refunds``."""

from typing import Any

from stripe_sandbox.http.errors import invalid
from stripe_sandbox.store import Record, Store, shown

DEPTH_MAX = 4


def expanded(record: Record, paths: list[str], store: Store) -> Record:
    """A copy of ``record`` in which every path leads through objects instead of ids.

    Raises:
        StripeError: a path is too deep or names something that cannot be expanded.
    """
    copy = shown(record)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEPTH_MAX + (steps[0] == "data"):
            raise invalid(f"You cannot expand more than {DEPTH_MAX} levels of a property ({path}).", "expand")
        _expand(copy, steps, path, store)
    return copy


def _expand(record: Record, steps: list[str], path: str, store: Store) -> None:
    name, *rest = steps
    if name not in record:
        raise _not_expandable(path)
    value = record[name]
    if isinstance(value, list):
        record[name] = [_object(element, path, store) for element in value]
        reached = record[name]
    else:
        record[name] = _object(value, path, store)
        reached = [record[name]]
    for inner in reached:
        if rest and inner is not None:
            _expand(inner, rest, path, store)


def _object(value: Any, path: str, store: Store) -> Any:
    """A private copy of the object behind ``value``: an id, an object already there, or None."""
    if value is None:
        return None
    if isinstance(value, dict):
        return dict(value)
    named = store.get(value) if isinstance(value, str) else None
    if named is None:
        raise _not_expandable(path)
    return shown(named)


def _not_expandable(path: str) -> Exception:
    return invalid(f"This property cannot be expanded ({path}).", "expand")
