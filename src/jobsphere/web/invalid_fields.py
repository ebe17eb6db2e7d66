"""Which fields of a request are wrong and how, in our own words, without a character of what was sent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_UNKNOWN = "(unknown)"

# By pydantic's type of error. ``{…}`` are limits that the route declares, never input.
_MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request; remove it",
    "amount": "must be a plain decimal number such as 19.99, without sign or exponent",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "does not have the right form",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "uuid_type": "must be an id (UUID)",
    "uuid_parsing": "must be an id (UUID)",
    "datetime_parsing": "must be a time such as 2026-01-31T12:00:00Z",
    "datetime_from_date_parsing": "must be a time such as 2026-01-31T12:00:00Z",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
_OTHERWISE = "is not valid"


def invalid_fields(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """``[{"field": "amount", "message": "must be …"}]`` for the errors of a validation."""
    return [{"field": _field(error), "message": _message(error)} for error in errors]


def _message(error: Mapping[str, Any]) -> str:
    template = _MESSAGES.get(error["type"], _OTHERWISE)
    return template.format(**error.get("ctx", {}))


def _field(error: Mapping[str, Any]) -> str:
    # The first part says where: body, path, query. The name of an unknown field is input.
    location: Sequence[str | int] = error["loc"][1:]
    if error["type"] == "extra_forbidden":
        location = (*location[:-1], _UNKNOWN)
    return ".".join(map(str, location)) or "body"
