"""One request of a person after the other: many at once would hold every database connection, all waiting."""

import asyncio
from uuid import UUID
from weakref import WeakValueDictionary


class Turns:
    """Whose turn it is in this process. Between processes the lock of the wallet's row decides."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def of(self, person_id: UUID) -> asyncio.Lock:
        """To be held while something of the person is done; forgotten when nobody holds it."""
        return self._locks.setdefault(person_id, asyncio.Lock())
