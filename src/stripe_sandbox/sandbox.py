"""The sandbox itself: all its state in one object, handed to every function that changes something."""

from dataclasses import dataclass
from typing import Any

from stripe_sandbox.clock import Clock
from stripe_sandbox.faults.plan import FaultPlan
from stripe_sandbox.ids import new_id
from stripe_sandbox.outbox import Outbox
from stripe_sandbox.persistence import Database
from stripe_sandbox.schedule import Schedule
from stripe_sandbox.settings import Settings
from stripe_sandbox.store import Record, Store

_CLOCK = "sandbox_clock"
_SETTINGS = "sandbox_settings"


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that is being executed, as events name it."""

    request_id: str
    idempotency_key: str | None


class Sandbox:
    """Records, clock, scheduled work and outgoing webhooks. Only one thing changes it at a time.

    Functions that change it are synchronous, so a request is atomic on the event loop; ``commit``
    afterwards makes the changes survive the process.
    """

    def __init__(self, settings: Settings | None = None, database: Database | None = None) -> None:
        self._settings_at_start = settings or Settings()
        self._database = database
        self.store = Store(database.load() if database else ())
        changed = (self.store.get(_SETTINGS) or {}).get("values", {})
        self.settings = self._settings_at_start.changed(changed)
        self.clock = Clock((self.store.get(_CLOCK) or {}).get("offset_seconds", 0.0))
        self.schedule = Schedule(self.store)
        self.faults = FaultPlan(self.store)
        self.outbox = Outbox(self.store)
        self.base_url = ""
        self.loopback_only = True
        self.cause: Cause | None = None

    def now(self) -> int:
        """Sandbox time in whole seconds, as ``created`` fields carry it."""
        return self.clock.timestamp()

    def add(self, kind: str, prefix: str, account: str, **fields: Any) -> Record:
        """A new record of ``kind`` that belongs to ``account``, created now."""
        record: Record = {"id": new_id(prefix), "object": kind, "created": self.now(), **fields}
        return self.store.add(record, account)

    def later(self, seconds: float, action: str, record: Record) -> None:
        """Do ``action`` to ``record`` when ``seconds`` of sandbox time have passed."""
        self.schedule.at(self.now() + seconds, action, record["id"])

    def change_settings(self, values: Record) -> None:
        """Use other values for some settings until everything is forgotten.

        Raises:
            ValueError: a name or a value is wrong; nothing changes then.
        """
        self.settings = self.settings.changed(values)
        known = self.store.get(_SETTINGS) or self.store.add(
            {"id": _SETTINGS, "object": "sandbox.settings", "values": {}}
        )
        self.store.change(known, values=known["values"] | values)

    def move_clock_to(self, moment: float) -> None:
        """Let sandbox time be ``moment``, if that lies ahead."""
        self.clock.move_to(moment)
        self._remember_clock()

    def commit(self) -> None:
        """Make all changes since the last commit survive the process, together."""
        changed, removed = self.store.take_changes()
        if self._database and (changed or removed):
            self._database.save(changed, removed)

    def forget_everything(self) -> None:
        """Back to an empty sandbox at wall-clock time; webhook endpoints stay."""
        self.store.forget_all_but("webhook_endpoint")
        self.settings = self._settings_at_start
        self.clock.offset_seconds = 0.0
        self._remember_clock()
        self.schedule = Schedule(self.store)
        self.faults = FaultPlan(self.store)
        self.outbox.forget()

    def close(self) -> None:
        """Close the state file, if there is one."""
        if self._database:
            self._database.close()

    def _remember_clock(self) -> None:
        known = self.store.get(_CLOCK) or self.store.add({"id": _CLOCK, "object": "sandbox.clock"})
        self.store.change(known, offset_seconds=self.clock.offset_seconds)
