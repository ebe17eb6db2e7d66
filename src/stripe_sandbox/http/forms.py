"""Form-encoded bodies and queries with nested names: ``a[b]=1``, ``a[]=1``, ``a[0][b]=1``."""

from typing import Any
from urllib.parse import parse_qsl

Form = dict[str, Any]

DEPTH_MAX = 10
FIELDS_MAX = 1000


class MalformedForm(ValueError):
    """The names contradict each other, nest too deeply, or are too many."""


def decode(encoded: bytes) -> Form:
    """The form as nested dictionaries of strings; arrays have their positions as keys.

    Raises:
        MalformedForm: one name is both a value and a group, or a limit is exceeded.
    """
    form: Form = {}
    try:
        pairs = parse_qsl(encoded.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise MalformedForm(str(error)) from error
    for name, value in pairs:
        _insert(form, _steps(name), value)
    return form


def _steps(name: str) -> list[str]:
    if "[" not in name:
        return [name]
    head, _, rest = name.partition("[")
    steps = [head, *rest.rstrip("]").split("][")]
    if not head or not name.endswith("]") or len(steps) > DEPTH_MAX:
        raise MalformedForm(f"Invalid parameter name: {name[:80]}")
    return steps


def _insert(form: Form, steps: list[str], value: str) -> None:
    *groups, last = steps
    for step in groups:
        form = form.setdefault(step or str(len(form)), {})
        if not isinstance(form, dict):
            raise MalformedForm(f"Parameter {steps[0]} is given both as a value and as a group")
    last = last or str(len(form))
    if isinstance(form.get(last), dict):
        raise MalformedForm(f"Parameter {steps[0]} is given both as a value and as a group")
    form[last] = value
