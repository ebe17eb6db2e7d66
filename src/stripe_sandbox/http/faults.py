"""Faults on purpose: which requests shall fail, how, and how often."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Fault(StrEnum):
    """What goes wrong with a request."""

    ERROR_BEFORE = "error_before"  # 500, nothing was done
    ERROR_AFTER = "error_after"  # everything was done, the answer is a 500 and is stored under the key
    TIMEOUT_BEFORE = "timeout_before"  # no answer, nothing was done
    TIMEOUT_AFTER = "timeout_after"  # no answer, everything was done
    DROP_AFTER = "drop_after"  # everything was done, the connection breaks during the answer
    RATE_LIMIT = "rate_limit"  # 429 before anything else
    CONFLICT = "conflict"  # 409, another request holds the object
    SLOW = "slow"  # done and answered, but only after a while; the key is in use meanwhile


@dataclass(slots=True)
class PlannedFault:
    """``kind`` happens to ``times`` requests that match, after ``skip`` matching ones went well.

    ``match`` is a method and a path; ``*`` stands for any method or one segment of the path.
    """

    match: str
    kind: Fault
    times: int = 1
    seconds: float = 90.0
    skip: int = 0

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        """A planned fault from JSON; ValueError if a field is unknown, missing or of the wrong kind."""
        try:
            return cls(**(given | {"kind": Fault(given["kind"])}))
        except (TypeError, KeyError) as error:
            raise ValueError(f"Not a fault: {given}") from error

    def fits(self, method: str, path: str) -> bool:
        """Whether this plan speaks about the request."""
        wanted_method, _, wanted_path = self.match.partition(" ")
        wanted, given = wanted_path.strip("/").split("/"), path.strip("/").split("/")
        return (
            wanted_method in ("*", method)
            and len(wanted) == len(given)
            and all(part in ("*", actual) for part, actual in zip(wanted, given, strict=True))
        )


class FaultPlan:
    """The faults still to happen, in the order in which they were planned."""

    def __init__(self) -> None:
        self.planned: list[PlannedFault] = []

    def strike(self, method: str, path: str) -> PlannedFault | None:
        """The fault that happens to this request, counted as happened; None if it may go well."""
        fault = next((fault for fault in self.planned if fault.fits(method, path)), None)
        if fault is None:
            return None
        if fault.skip > 0:
            fault.skip -= 1
            return None
        fault.times -= 1
        if fault.times <= 0:
            self.planned.remove(fault)
        return fault
