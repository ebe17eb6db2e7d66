"""An action: what may be done by hand to one object, and the options it takes, from JSON or from a form."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


class InvalidOption(ValueError):
    """An option that the action does not have, or a value that the option does not take."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option; with ``choices`` it takes these words only. ``default`` stands for one that is not given."""

    name: str
    read: Callable[[Any], Any]
    choices: tuple[str, ...] = ()
    default: Any = None

    def value(self, given: Any) -> Any:
        """The value that was given, checked; an empty field of a form counts as not given.

        Raises:
            InvalidOption: the value is not of the option's kind.
        """
        if given is None or given == "":
            return self.default
        try:
            return self.read(given)
        except (TypeError, ValueError) as error:
            raise InvalidOption(f"{self.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Action:
    """``act`` does it to a record of ``kind`` and returns what it led to."""

    kind: str
    label: str
    act: Callable[..., Record]
    options: tuple[Option, ...] = ()

    def do(self, sandbox: Sandbox, record: Record, given: dict[str, Any]) -> Record:
        """Do it with the options given.

        Raises:
            InvalidOption: an option is unknown, or its value is.
            StripeError, ValueError: the state of things does not allow it.
        """
        unknown = given.keys() - {option.name for option in self.options}
        if unknown:
            raise InvalidOption(f"There is no option {', '.join(sorted(unknown))} here.")
        values = {option.name: option.value(given.get(option.name)) for option in self.options}
        return self.act(sandbox, record, **values)


def choice(name: str, choices: Iterable[str], default: str | None = None) -> Option:
    """An option that takes one of some words."""
    words = tuple(choices)

    def read(given: Any) -> Any:
        if given not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return given

    return Option(name, read, words, default)


def amount(name: str = "amount") -> Option:
    """An optional amount in minor units."""

    def read(given: Any) -> int:
        if isinstance(given, (bool, float)) or int(given) < 1:
            raise ValueError("must be a whole number of minor units, at least 1")
        return int(given)

    return Option(name, read)


def whole_number(name: str, least: int, most: int, default: int) -> Option:
    """An option that is a whole number between two bounds."""

    def read(given: Any) -> int:
        if isinstance(given, (bool, float)) or not least <= int(given) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(given)

    return Option(name, read, (), default)


def flag(name: str, *, default: bool | None = False) -> Option:
    """An option that is true or false."""
    words: dict[Any, bool] = {True: True, False: False, "true": True, "false": False}

    def read(given: Any) -> bool:
        if not isinstance(given, (bool, str)) or given not in words:
            raise ValueError("must be true or false")
        return words[given]

    return Option(name, read, ("true", "false"), default)


def words(name: str, default: str | None = None) -> Option:
    """An optional text."""

    def read(given: Any) -> str:
        if not isinstance(given, str):
            raise TypeError("must be a text")
        return given

    return Option(name, read, (), default)
