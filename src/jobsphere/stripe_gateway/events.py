"""Stripe's list of events as plain data: events are kept as they came, and read only when they are processed."""

import json
from dataclasses import dataclass

from jobsphere.stripe_gateway.objects import Json, UnreadableObject, identity


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Events as Stripe's API gave them, newest first; ``has_more`` older ones follow."""

    events: tuple[Json, ...]
    has_more: bool

    @property
    def newest(self) -> int | None:
        """When the first was created, in Unix seconds."""
        created = self.events[0].get("created") if self.events else None
        return created if type(created) is int else None

    @property
    def last_id(self) -> str | None:
        """What the next page comes after."""
        return identity(self.events[-1]) if self.events else None


def events_page(body: str) -> EventsPage:
    """Read an answer of Stripe's.

    Raises:
        UnreadableObject: it is no page of a list.
        ValueError: it is not JSON.
    """
    page = json.loads(body)
    events = page.get("data") if isinstance(page, dict) else None
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise UnreadableObject("an answer that is no list of events")
    return EventsPage(tuple(events), page.get("has_more") is True)
