"""What can be read of an event before anything is done with it; bytes that nobody can read have a name too.

Real events come in ten years' shapes (stripe.md section 8): fields are missing, null or of another type, and thin
events (``v2.core.event``) carry no object. Whatever comes under a right signature is kept.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic_core import from_json

# Stripe's own are all below; a longer name is nothing that could be looked up.
NAME_LENGTH_MAX = 255
_EVENTS = ("event", "v2.core.event")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of an event without understanding it; ``problem`` says why it cannot be processed."""

    event_key: str
    type: str | None = None
    account_id: str | None = None
    livemode: bool | None = None
    problem: str | None = None


def open_envelope(body: bytes, *, livemode: bool) -> Envelope:
    """Read what names an event; a body that nobody can read is named by its SHA-256."""
    try:
        event = glance(body)
    except (ValueError, RecursionError):
        return Envelope(_digest(body), problem="not JSON")
    if not isinstance(event, dict) or event.get("object") not in _EVENTS:
        return Envelope(_digest(body), problem="not an event")
    type_, said = _text(event, "type"), event.get("livemode")
    mode = said if isinstance(said, bool) else None
    return Envelope(
        event_key=_text(event, "id") or _digest(body),
        type=type_,
        # Until 2017 the account of a Connect event was its user_id.
        account_id=_text(event, "account") or _text(event, "user_id"),
        livemode=mode,
        problem=_problem(type_, mode, livemode),
    )


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def glance(body: bytes) -> Any:
    """The same as ``read_json`` of all that it reads, in a third of the time.

    Of a name that is repeated it takes the last, where ``read_json`` refuses. So it is good for naming what came;
    whoever acts on an event reads it with ``read_json``.

    Raises:
        ValueError, RecursionError: as ``read_json``.
    """
    try:
        return from_json(body.decode(), allow_inf_nan=False)
    except ValueError:  # half a surrogate pair, for one: stricter than Python, which decides
        return read_json(body)


def read_json(body: bytes) -> Any:
    """The JSON in ``body``, where it means one thing to everybody.

    Raises:
        ValueError: it is not JSON in UTF-8, repeats a name, or holds NaN, Infinity or thousands of digits.
        RecursionError: it is nested too deeply.
    """
    # Told the bytes, json.loads would guess UTF-16 and UTF-32 as well.
    return json.loads(body.decode(), object_pairs_hook=_without_repetition, parse_constant=_refuse_constant)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is repeated")
    return found


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON numbers")


def _problem(type_: str | None, is_live: bool | None, expected: bool) -> str | None:
    if type_ is None:
        return "no type"
    if is_live is not None and is_live is not expected:
        # Connect endpoints in production get test events too (stripe.md section 8).
        return "live event in test mode" if is_live else "test event in live mode"
    return None


def _text(event: dict[str, Any], name: str) -> str | None:
    """A text that PostgreSQL can hold, of a length that makes sense."""
    value = event.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LENGTH_MAX or not value.isprintable():
        return None
    return value
