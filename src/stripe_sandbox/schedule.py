"""Work that falls due later: what shall be done, to which record, at which moment of sandbox time."""

import heapq
from collections import Counter

from stripe_sandbox.ids import new_id
from stripe_sandbox.store import Record, Store


class Schedule:
    """Scheduled work, kept as records of the store and ordered by due time, then by age."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heap = [_entry(task) for task in store.of_kind("sandbox.task")]
        heapq.heapify(self._heap)
        self._actions = Counter(task["action"] for task in store.of_kind("sandbox.task"))

    def at(self, due: float, action: str, subject: str) -> None:
        """Do ``action`` (a name in ``due.ACTIONS``) to the record ``subject`` once ``due`` is reached."""
        task = {"id": new_id("task"), "object": "sandbox.task", "due": due, "action": action, "subject": subject}
        self._actions[action] += 1
        heapq.heappush(self._heap, _entry(self._store.add(task)))

    def has(self, action: str) -> bool:
        """Whether this action is to be done to anything."""
        return self._actions[action] > 0

    def next_due(self) -> float | None:
        """When the earliest work falls due, or None if there is none."""
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float) -> Record | None:
        """The earliest work that is due at ``now``, no longer scheduled; None if there is none."""
        if not self._heap or self._heap[0][0] > now:
            return None
        task = self._store.get(heapq.heappop(self._heap)[2])
        assert task is not None, "scheduled work is removed from the store only here"
        self._store.remove(task)
        self._actions[task["action"]] -= 1
        return task


def _entry(task: Record) -> tuple[float, int, str]:
    return task["due"], task["_sequence"], task["id"]
