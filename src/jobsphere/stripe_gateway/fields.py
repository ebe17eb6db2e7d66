"""How one field of Stripe's JSON is read: odd or absent ones as None, if an object can be without them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobsphere.money import Money

# What arrives as JSON is anything until it is read here.
Json = Mapping[str, Any]

_CURRENCY = re.compile("[a-z]{3}", re.ASCII)
# The most that PostgreSQL counts.
_AMOUNT_MINOR_MAX = 2**63 - 1


class UnreadableObject(Exception):
    """What Stripe sent lacks something the object cannot be without."""


def text(data: Json, name: str) -> str:
    value = optional(data, name)
    if value is None:
        raise UnreadableObject(f"{_kind(data)} without {name}")
    return value


def optional(data: Json, name: str) -> str | None:
    value = data.get(name)
    # What is not printable (NUL, half a surrogate pair) is no name of Stripe's, and PostgreSQL cannot hold it.
    return value if isinstance(value, str) and value and value.isprintable() else None


def _kind(data: Json) -> str:
    return (optional(data, "object") or "an object")[:50]


def texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def money(data: Json, name: str, *, absent: int | None = None) -> Money:
    # Amounts that Stripe adds as things happen (amount_received) are absent before in some versions.
    value = data.get(name, absent)
    if type(value) is not int or abs(value) > _AMOUNT_MINOR_MAX:
        raise UnreadableObject(f"{_kind(data)} whose {name} is not an amount")
    currency = text(data, "currency").lower()
    if not _CURRENCY.fullmatch(currency):
        raise UnreadableObject(f"{_kind(data)} without a currency")
    return Money(value, currency)


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def metadata(data: Json) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in mapping(data.get("metadata")).items()}


def id_of(value: object) -> str | None:
    """The id of a reference, expanded or not."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and value and value.isprintable() else None


def moment(value: object) -> datetime | None:
    if type(value) is not int:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):  # a year that no calendar has
        return None
