"""What is still to be sent to webhook endpoints, and whether it may be sent now."""

import asyncio
import random
from collections.abc import Sequence
from typing import Literal, get_args

from stripe_sandbox.faults.deliveries import fits_type
from stripe_sandbox.ids import new_id
from stripe_sandbox.store import Record, Store

Mode = Literal["deliver", "hold", "drop"]
MODES: tuple[Mode, ...] = get_args(Mode)
_RECORD = "sandbox_outbox"

# The states of a delivery.
WAITING = "waiting"  # to be tried now, or being tried
HELD = "held"  # would be tried now, but deliveries are on hold
DELAYED = "delayed"  # put off by a planned fault until its time
BEHIND = "behind"  # put off by a planned fault until the next one to its endpoint was tried, or until its time
RETRYING = "retrying"  # was refused at least once; a retry is scheduled
DELIVERED = "delivered"  # the receiver answered 2xx
FAILED = "failed"  # given up: three days of retries are over, or the endpoint is gone or disabled
DROPPED = "dropped"  # by a mode, a planned fault or by hand; never tried unless resent

PUT_OFF = (DELAYED, BEHIND, RETRYING)


class Outbox:
    """Deliveries, one per event and endpoint and one more for each duplicate.

    A queue holds those to be tried now, in batches: one batch is tried one after the other, several at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mode: Mode = (store.get(_RECORD) or {}).get("mode", "deliver")
        self._queue: asyncio.Queue[list[Record]] = asyncio.Queue()
        self._behind: dict[str, list[Record]] = {}
        for delivery in store.of_kind("sandbox.delivery"):
            if delivery["state"] in (WAITING, HELD):
                self.try_now(delivery)
            elif delivery["state"] == BEHIND:
                self._behind.setdefault(delivery["endpoint"], []).append(delivery)

    @property
    def mode(self) -> Mode:
        """What happens to new deliveries and to retries that fall due."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        known = self._store.get(_RECORD) or self._store.add({"id": _RECORD, "object": "sandbox.outbox"})
        self._store.change(known, mode=mode)
        if mode == "deliver":
            self.release(self.held())

    def make(self, event: Record, endpoint: Record, now: int, fault: str | None = None) -> Record:
        """A delivery of ``event`` to ``endpoint`` that counts as dropped until it is tried or put off."""
        return self._make(event["id"], event["type"], endpoint["id"], now, fault)

    def resend(self, event: Record, times: int, now: int) -> int:
        """Have an event delivered again, ``times`` to each endpoint it was for; returns how many deliveries."""
        deliveries = self._store.of_kind("sandbox.delivery")
        names = dict.fromkeys(d["endpoint"] for d in deliveries if d["event"] == event["id"])
        endpoints = [endpoint for name in names if (endpoint := self._store.get(name))]
        for endpoint in endpoints * times:
            self.try_now(self.make(event, endpoint, now))
        return len(endpoints) * times

    def try_now(self, delivery: Record) -> None:
        """Queue one delivery for an attempt, or hold it while deliveries are on hold."""
        on_hold = self._mode == "hold"
        self._store.change(delivery, state=HELD if on_hold else WAITING, next_attempt=None)
        if not on_hold:
            self._queue.put_nowait([delivery])

    def put_off(self, delivery: Record, state: str, until: float) -> None:
        """Let a delivery wait, as ``state`` says; whoever calls schedules it."""
        self._store.change(delivery, state=state, next_attempt=until)
        if state == BEHIND:
            self._behind.setdefault(delivery["endpoint"], []).append(delivery)

    def held(self, pattern: str = "*", delivery: str | None = None) -> list[Record]:
        """The deliveries that are held: all, those of one type or group of events, or a single one."""
        return [
            known
            for known in self._store.of_kind("sandbox.delivery")
            if known["state"] == HELD and delivery in (None, known["id"]) and fits_type(known["type"], pattern)
        ]

    def release(self, deliveries: Sequence[Record], shuffled_by: int | None = None) -> int:
        """Try held deliveries one after the other, whatever the mode; returns how many.

        The order is that in which they were made, or another one that follows from the seed ``shuffled_by``.
        """
        batch = list(deliveries)
        if shuffled_by is not None:
            random.Random(shuffled_by).shuffle(batch)  # noqa: S311 the same seed must give the same order
        for delivery in batch:
            self._store.change(delivery, state=WAITING)
        if batch:
            self._queue.put_nowait(batch)
        return len(batch)

    def drop(self, deliveries: Sequence[Record]) -> int:
        """Give deliveries up; returns how many."""
        for delivery in deliveries:
            self._store.change(delivery, state=DROPPED)
        return len(deliveries)

    def duplicate(self, deliveries: Sequence[Record], now: int) -> int:
        """Hold each of the held deliveries once more; returns how many."""
        for known in deliveries:
            copy = self._make(known["event"], known["type"], known["endpoint"], now, None)
            self._store.change(copy, state=HELD)
        return len(deliveries)

    async def take(self) -> list[Record]:
        """The deliveries to try next, one after the other; call ``tried`` when that is over."""
        return await self._queue.get()

    def tried(self) -> None:
        """All attempts of what was taken are over, whatever their outcome."""
        self._queue.task_done()

    def overtaken(self, by: Record) -> None:
        """A delivery was tried: those that were to come after it are tried now."""
        waiting = self._behind.pop(by["endpoint"], [])
        older = [known for known in waiting if known["_sequence"] < by["_sequence"]]
        if younger := [known for known in waiting if known not in older]:
            self._behind[by["endpoint"]] = younger
        for delivery in older:
            if delivery["state"] == BEHIND:
                self.try_now(delivery)

    def forget(self) -> None:
        """All deliveries are forgotten: there is nothing to send, and new ones are delivered."""
        self._behind.clear()
        self.mode = "deliver"

    async def drained(self) -> None:
        """Return when nothing waits to be tried now and no attempt is under way."""
        await self._queue.join()

    def _make(self, event: str, event_type: str, endpoint: str, now: int, fault: str | None) -> Record:
        delivery: Record = {
            "id": new_id("dlv"),
            "object": "sandbox.delivery",
            "event": event,
            "type": event_type,
            "endpoint": endpoint,
            "created": now,
            "attempts": 0,
            "fault": fault,
            "last_status": None,
            "next_attempt": None,
            "state": DROPPED,
        }
        return self._store.add(delivery)
