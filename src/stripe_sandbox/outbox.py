"""What is still to be sent to webhook endpoints, and whether it may be sent now."""

import asyncio
from typing import Literal, get_args

from stripe_sandbox.ids import new_id
from stripe_sandbox.store import Record, Store

Mode = Literal["deliver", "hold", "drop"]
MODES: tuple[str, ...] = get_args(Mode)

# The states of a delivery.
WAITING = "waiting"  # to be tried now, or being tried
HELD = "held"  # would be tried now, but deliveries are on hold
RETRYING = "retrying"  # was refused at least once; a retry is scheduled
DELIVERED = "delivered"  # the receiver answered 2xx
FAILED = "failed"  # three days of retries are over
DROPPED = "dropped"  # made while deliveries were dropped; never tried unless resent


class Outbox:
    """Deliveries, one per event and endpoint. A queue holds those to be tried now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mode: Mode = "deliver"
        self._queue: asyncio.Queue[Record] = asyncio.Queue()
        for delivery in store.of_kind("sandbox.delivery"):
            if delivery["state"] in (WAITING, HELD):
                self.try_now(delivery)

    @property
    def mode(self) -> Mode:
        """What happens to new deliveries and to retries that fall due."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "deliver":
            self.release()

    def add(self, event: Record, endpoint: Record, now: int) -> None:
        """Have ``event`` delivered to ``endpoint``, as the mode allows."""
        delivery = {
            "id": new_id("dlv"),
            "object": "sandbox.delivery",
            "event": event["id"],
            "type": event["type"],
            "endpoint": endpoint["id"],
            "created": now,
            "attempts": 0,
            "last_status": None,
            "next_attempt": None,
            "state": DROPPED,
        }
        self._store.add(delivery)
        if self._mode != "drop":
            self.try_now(delivery)

    def resend(self, event: Record, times: int, now: int) -> int:
        """Have an event delivered again, ``times`` to each endpoint it was for; returns how many deliveries."""
        deliveries = self._store.of_kind("sandbox.delivery")
        names = dict.fromkeys(d["endpoint"] for d in deliveries if d["event"] == event["id"])
        endpoints = [endpoint for name in names if (endpoint := self._store.get(name))]
        for endpoint in endpoints * times:
            self.add(event, endpoint, now)
        return len(endpoints) * times

    def try_now(self, delivery: Record) -> None:
        """Queue one delivery for an attempt, or hold it while deliveries are on hold."""
        on_hold = self._mode == "hold"
        self._store.change(delivery, state=HELD if on_hold else WAITING, next_attempt=None)
        if not on_hold:
            self._queue.put_nowait(delivery)

    def release(self) -> int:
        """Queue everything that is held, whatever the mode; returns how many deliveries that were."""
        held = [d for d in self._store.of_kind("sandbox.delivery") if d["state"] == HELD]
        for delivery in held:
            self._store.change(delivery, state=WAITING)
            self._queue.put_nowait(delivery)
        return len(held)

    async def take(self) -> Record:
        """The next delivery to try; call ``tried`` when that is over."""
        return await self._queue.get()

    def tried(self) -> None:
        """An attempt is over, whatever its outcome."""
        self._queue.task_done()

    async def drained(self) -> None:
        """Return when nothing waits to be tried now and no attempt is under way."""
        await self._queue.join()
