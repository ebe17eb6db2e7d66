"""Forgetting what Stripe forgets: stored answers after a day, events after 30 days, with their deliveries."""

from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import HOUR, PLATFORM
from stripe_sandbox.store import Record

ACTION = "sandbox.tidy"


def plan(sandbox: Sandbox) -> None:
    """Have the next thing forgotten when its time comes, unless that is planned already."""
    if not sandbox.schedule.has(ACTION) and (expiries := _expiries(sandbox)):
        sandbox.schedule.at(min(expiries), ACTION, PLATFORM)


def tidy(sandbox: Sandbox, platform: Record) -> None:
    """Forget all that is old enough, and come back for the rest, at most once an hour.

    Nobody sees what is too old in the meantime: whoever reads it looks at the clock as well.
    """
    now = sandbox.clock.now()
    for kind, until in (("sandbox.answer", _answer_until), ("event", _event_until)):
        while (oldest := next(sandbox.store.of_kind(kind), None)) and until(sandbox, oldest) <= now:
            sandbox.store.remove(oldest)
    while (oldest := next(sandbox.store.of_kind("sandbox.delivery"), None)) and not _told(sandbox, oldest):
        sandbox.store.remove(oldest)
    if expiries := _expiries(sandbox):
        sandbox.schedule.at(max(min(expiries), now + HOUR), ACTION, PLATFORM)


def _expiries(sandbox: Sandbox) -> list[float]:
    """When the oldest of each kind is to be forgotten; they are made in the order in which they expire."""
    answer = next(sandbox.store.of_kind("sandbox.answer"), None)
    event = next(sandbox.store.of_kind("event"), None)
    return [
        *([_answer_until(sandbox, answer)] if answer else []),
        *([_event_until(sandbox, event)] if event else []),
    ]


def _answer_until(sandbox: Sandbox, answer: Record) -> float:
    return float(answer["until"])


def _event_until(sandbox: Sandbox, event: Record) -> float:
    return float(event["created"] + sandbox.settings.event_kept_seconds)


def _told(sandbox: Sandbox, delivery: Record) -> bool:
    """Whether the event of a delivery is still known."""
    return sandbox.store.get(delivery["event"]) is not None
