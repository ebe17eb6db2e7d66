"""What may go wrong with a request, and which requests a rule speaks about."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from stripe_sandbox.faults.rule import InvalidPlan, Rule

METHODS = ("*", "GET", "POST", "DELETE")


class RequestFault(StrEnum):
    """What goes wrong with a request."""

    ERROR_BEFORE = "error_before"  # 500, nothing was done
    ERROR_AFTER = "error_after"  # everything was done, the answer is a 500 and is stored under the key
    TIMEOUT_BEFORE = "timeout_before"  # no answer, nothing was done
    TIMEOUT_AFTER = "timeout_after"  # no answer, everything was done
    DROP_AFTER = "drop_after"  # everything was done, the connection breaks during the answer
    RATE_LIMIT = "rate_limit"  # 429 before anything else
    CONFLICT = "conflict"  # 409, another request with the same key is said to run
    LOCKED = "locked"  # 429, another request holds the object; may be repeated at once
    SLOW = "slow"  # done and answered, but only after a while; the key is in use meanwhile


@dataclass(slots=True)
class RequestRule(Rule):
    """``match`` is ``*``, or a method and a path; ``*`` stands for any method or one segment of the path."""

    KINDS: ClassVar[type[StrEnum]] = RequestFault
    SECONDS_OTHERWISE: ClassVar[float] = 90.0

    def check(self, where: str) -> None:
        """Raise InvalidPlan unless ``match`` is ``*`` or a method and a path under ``/v1``."""
        method, _, path = self.match.partition(" ")
        if self.match != "*" and (method not in METHODS or not path.startswith("/v1/")):
            raise InvalidPlan(f"{where}.match: must be * or a method and a path, as in POST /v1/refunds")

    def fits(self, method: str, path: str) -> bool:
        """Whether this rule speaks about the request."""
        if self.match == "*":
            return True
        wanted_method, _, wanted_path = self.match.partition(" ")
        wanted, given = wanted_path.strip("/").split("/"), path.strip("/").split("/")
        return (
            wanted_method in ("*", method)
            and len(wanted) == len(given)
            and all(part in ("*", actual) for part, actual in zip(wanted, given, strict=True))
        )
