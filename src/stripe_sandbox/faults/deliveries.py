"""What may go wrong with the delivery of an event, and which deliveries a rule speaks about."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from stripe_sandbox.faults.rule import InvalidPlan, Rule
from stripe_sandbox.settings import DAY, MINUTE


class DeliveryFault(StrEnum):
    """What goes wrong with a delivery when it is made; later ones of the same event are not concerned."""

    DUPLICATE = "duplicate"  # sent twice
    DELAY = "delay"  # sent only after some seconds of sandbox time
    LATE = "late"  # the same by days, when all retries would be over
    REORDER = "reorder"  # sent after the next one to this endpoint, at the latest after some seconds
    DROP = "drop"  # never sent
    WRONG_SIGNATURE = "wrong_signature"  # first sent with a signature by another secret
    WRONG_MODE = "wrong_mode"  # an event like it of the live mode, with an id of its own, is sent first


@dataclass(slots=True)
class DeliveryRule(Rule):
    """``match`` is the type of the event, or its beginning and ``*``; ``to`` the kind of endpoint."""

    to: str = "any"

    KINDS: ClassVar[type[StrEnum]] = DeliveryFault
    SECONDS: ClassVar[dict[str, float]] = {
        DeliveryFault.DELAY: 10 * MINUTE,
        DeliveryFault.LATE: 4 * DAY,
        DeliveryFault.REORDER: MINUTE,
    }

    def check(self, where: str) -> None:
        """Raise InvalidPlan if a ``*`` stands anywhere but at the end of ``match``."""
        if "*" in self.match[:-1]:
            raise InvalidPlan(f"{where}.match: must be the type of an event, or its beginning and *")

    def fits(self, event_type: str, to: str) -> bool:
        """Whether this rule speaks about an event of this type on its way to ``platform`` or ``connect``."""
        return self.to in ("any", to) and fits_type(event_type, self.match)


def fits_type(event_type: str, pattern: str) -> bool:
    """Whether the type of an event is this one, or begins as the pattern does before its ``*``."""
    return event_type.startswith(pattern[:-1]) if pattern.endswith("*") else event_type == pattern
