"""A rule of a plan: which of the things it fits go wrong, told by counting and, if it says so, by the seed."""

import hashlib
import math
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Self, TypeVar

from stripe_sandbox.store import Record


class InvalidPlan(ValueError):
    """The plan of faults is not one; the message names the field and says what it may be."""


@dataclass(slots=True)
class Rule:
    """``kind`` happens to ``times`` of the things that fit, after ``skip`` ones went well, to every ``every``-th.

    ``times`` is None for: without end, as it is with a ``probability`` unless given. Where that is below 1, the
    seed decides for each of them.
    ``seen`` and ``struck`` count what fitted and what went wrong so far.
    """

    kind: str
    match: str = "*"
    skip: int = 0
    every: int = 1
    times: int | None = 1
    probability: float = 1.0
    seconds: float = 0.0
    seen: int = 0
    struck: int = 0

    KINDS: ClassVar[type[StrEnum]]
    SECONDS: ClassVar[dict[str, float]] = {}
    SECONDS_OTHERWISE: ClassVar[float] = 0.0

    def count(self, seed: int, position: int) -> bool:
        """Count one more that fits; whether this rule strikes it. ``position`` is the rule's place in the plan."""
        self.seen += 1
        nth = self.seen - self.skip
        over = self.times is not None and self.struck >= self.times
        if nth < 1 or over or nth % self.every:
            return False
        return self.probability >= 1 or _draw(seed, position, self.seen) < self.probability

    @classmethod
    def read(cls, given: Any, where: str) -> Self:
        """A rule from JSON.

        Raises:
            InvalidPlan: a field is unknown, missing or not of its kind.
        """
        if not isinstance(given, dict):
            raise InvalidPlan(f"{where}: must be an object with the field kind")
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise InvalidPlan(f"{where}.{name}: there is no such field; there are {', '.join(known)}")
        values = {name: _CHECKS[name](value, f"{where}.{name}") for name, value in given.items() if name != "kind"}
        kind = _kind(cls.KINDS, given.get("kind"), f"{where}.kind")
        values.setdefault("seconds", cls.SECONDS.get(kind, cls.SECONDS_OTHERWISE))
        values.setdefault("times", None if "probability" in given else 1)
        rule = cls(kind=kind, **values)
        rule.check(where)
        return rule

    def check(self, where: str) -> None:
        """Raise InvalidPlan if ``match`` cannot fit anything."""

    def to_json(self) -> Record:
        """The rule with its counts, as ``read`` takes it again."""
        return asdict(self)


AnyRule = TypeVar("AnyRule", bound=Rule)


def read_rules(rule: type[AnyRule], given: Any, where: str) -> list[AnyRule]:
    """Rules from a list of them, or from an object that gives a probability for each kind.

    Raises:
        InvalidPlan: it is neither, or one of the rules is none.
    """
    if isinstance(given, dict):
        given = [{"kind": kind, "probability": probability} for kind, probability in given.items()]
    if not isinstance(given, list):
        raise InvalidPlan(f"{where}: must be a list of rules, or an object of kinds and probabilities")
    return [rule.read(entry, f"{where}[{position}]") for position, entry in enumerate(given)]


def _draw(seed: int, position: int, count: int) -> float:
    """A number from 0 to 1, without 1, that depends on nothing but its arguments."""
    digest = hashlib.sha256(f"{seed}:{position}:{count}".encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)


def _kind(kinds: type[StrEnum], given: Any, where: str) -> str:
    if given not in list(kinds):
        raise InvalidPlan(f"{where}: must be one of {', '.join(kinds)}")
    return str(given)


def _whole(least: int) -> Any:
    def check(given: Any, where: str) -> int:
        if type(given) is not int or given < least:
            raise InvalidPlan(f"{where}: must be a whole number, at least {least}")
        return given

    return check


def _number(given: Any, where: str, most: float) -> float:
    if type(given) not in (int, float) or not math.isfinite(given) or not 0 <= given <= most:
        raise InvalidPlan(f"{where}: must be a number from 0 to {most:g}")
    return float(given)


def _text(given: Any, where: str) -> str:
    if not isinstance(given, str) or not given:
        raise InvalidPlan(f"{where}: must be a text")
    return given


def _times(given: Any, where: str) -> int | None:
    return None if given is None else int(_whole(1)(given, where))


def _to(given: Any, where: str) -> str:
    if given not in ("any", "platform", "connect"):
        raise InvalidPlan(f"{where}: must be one of any, platform, connect")
    return str(given)


_CHECKS: dict[str, Any] = {
    "every": _whole(1),
    "match": _text,
    "probability": lambda given, where: _number(given, where, 1),
    "seconds": lambda given, where: _number(given, where, 10 * 365 * 86_400),
    "seen": _whole(0),
    "skip": _whole(0),
    "struck": _whole(0),
    "times": _times,
    "to": _to,
}
