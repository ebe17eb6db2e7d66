"""Everything the sandbox remembers: plain JSON-able records, found by id, listed in order of creation.

A record's ``object`` is its kind. Fields that begin with an underscore are the sandbox's own and never leave
it: ``_account`` says whose record it is, ``_sequence`` keeps the order. Kinds that begin with ``sandbox.``
(scheduled work, deliveries, stored answers …) are records too, so that one mechanism persists all of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Record = dict[str, Any]

# Fields that lists are filtered by. A list found here holds candidates; the filter itself decides.
INDEXED: dict[str, tuple[str, ...]] = {
    "balance_transaction": ("source", "type"),
    "bank_account": ("account",),
    "charge": ("payment_intent", "customer", "transfer_group"),
    "customer": ("email",),
    "dispute": ("charge", "payment_intent"),
    "event": ("type",),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "payout": ("status", "destination"),
    "radar.early_fraud_warning": ("charge", "payment_intent"),
    "refund": ("charge", "payment_intent"),
    "setup_attempt": ("setup_intent",),
    "setup_intent": ("customer", "payment_method"),
    "topup": ("status",),
    "transfer": ("destination", "source_transaction", "transfer_group"),
    "transfer_reversal": ("transfer",),
}

_CONTAINERS = (dict, list)


def _sequence(record: Record) -> int:
    return int(record["_sequence"])


class Store:
    """Records by id and, for Stripe's own kinds, lists per account and per indexed field.

    Whoever sets an indexed field after ``add`` does it with ``change``; else lists by that field miss the record.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._kinds: dict[str, dict[str, Record]] = {}
        self._by_id: dict[str, Record] = {}
        self._lists: dict[tuple[str, ...], list[Record]] = {}
        self._changed: dict[str, Record] = {}
        self._removed: dict[str, None] = {}
        self._last_sequence = 0
        for record in records:
            self._place(record)

    def get(self, identifier: str) -> Record | None:
        """The record with this id, whatever its kind and whoever owns it."""
        return self._by_id.get(identifier)

    def of_kind(self, kind: str) -> Iterator[Record]:
        """All records of one kind, oldest first."""
        return iter(self._kinds.get(kind, {}).values())

    def kinds(self) -> list[str]:
        """The kinds of which there are, or were, records."""
        return list(self._kinds)

    def count(self, kind: str) -> int:
        """How many records of one kind there are."""
        return len(self._kinds.get(kind, {}))

    def add(self, record: Record, account: str = "") -> Record:
        """Keep a new record as ``account``'s and give it its place in the order of creation."""
        record["_account"] = account
        record["_sequence"] = self._last_sequence + 1
        self._place(record)
        self._changed[record["id"]] = record
        return record

    def change(self, record: Record, **fields: Any) -> Record:
        """Set ``fields`` and return the former values of those that really changed."""
        previous = {name: record.get(name) for name, value in fields.items() if record.get(name) != value}
        for name in previous:
            record[name] = fields[name]
            self._reindex(record, name)
        self._changed[record["id"]] = record
        return previous

    def touch(self, record: Record) -> None:
        """Say that something inside ``record`` was changed in place."""
        self._changed[record["id"]] = record

    def remove(self, record: Record) -> None:
        """Forget a record entirely."""
        identifier = record["id"]
        del self._by_id[identifier]
        del self._kinds[record["object"]][identifier]
        for key in self._list_keys(record):
            entries = self._lists[key]
            del entries[bisect_left(entries, _sequence(record), key=_sequence)]
        self._changed.pop(identifier, None)
        self._removed[identifier] = None

    def forget_all_but(self, kind: str) -> None:
        """Forget every record that is not of this kind."""
        kept = list(self.of_kind(kind))
        self._removed.update(dict.fromkeys(self._by_id))
        for index in (self._kinds, self._by_id, self._lists, self._changed):
            index.clear()
        for record in kept:
            self._place(record)
            self._changed[record["id"]] = record

    def newest_first(
        self,
        kind: str,
        account: str,
        where: Record,
        after: Record | None = None,
        before: Record | None = None,
    ) -> Iterator[Record]:
        """Records that equal ``where``, newest first; ``after`` goes on below it.

        With ``before`` the order is turned: oldest first, starting just above that record.
        """
        candidates = self._candidates(kind, account, where)
        if before is not None:
            ordered: Iterable[Record] = candidates[bisect_right(candidates, _sequence(before), key=_sequence) :]
        else:
            end = bisect_left(candidates, _sequence(after), key=_sequence) if after else len(candidates)
            ordered = (candidates[index] for index in range(end - 1, -1, -1))
        return filter(_matcher(where), ordered)

    def take_changes(self) -> tuple[list[Record], list[str]]:
        """The records changed and the ids removed since the last call."""
        changed, removed = list(self._changed.values()), list(self._removed)
        self._changed.clear()
        self._removed.clear()
        return changed, removed

    def _place(self, record: Record) -> None:
        kind, identifier = record["object"], record["id"]
        self._by_id[identifier] = record
        self._kinds.setdefault(kind, {})[identifier] = record
        self._removed.pop(identifier, None)
        self._last_sequence = max(self._last_sequence, record["_sequence"])
        for key in self._list_keys(record):
            self._lists.setdefault(key, []).append(record)

    def _list_keys(self, record: Record) -> Iterator[tuple[str, ...]]:
        kind, account = record["object"], record["_account"]
        if kind.startswith("sandbox."):
            return
        yield kind, account
        for field in INDEXED.get(kind, ()):
            if record.get(field) is not None:
                yield kind, account, field, record[field]

    def _reindex(self, record: Record, field: str) -> None:
        kind, value = record["object"], record[field]
        if value is None or field not in INDEXED.get(kind, ()):
            return
        entries = self._lists.setdefault((kind, record["_account"], field, value), [])
        position = bisect_left(entries, _sequence(record), key=_sequence)
        if entries[position : position + 1] != [record]:
            entries.insert(position, record)

    def _candidates(self, kind: str, account: str, where: Record) -> list[Record]:
        for field in INDEXED.get(kind, ()):
            if field in where:
                return self._lists.get((kind, account, field, where[field]), [])
        return self._lists.get((kind, account), [])


def _matcher(where: Record) -> Callable[[Record], bool]:
    def matches(record: Record) -> bool:
        return not record.get("_deleted") and all(record.get(name) == value for name, value in where.items())

    return matches


def shown(record: Record) -> Record:
    """A record without the sandbox's own fields, sharing its values."""
    return {name: value for name, value in record.items() if name[0] != "_"}


def snapshot(value: Any) -> Any:
    """A deep copy of what others may see; later changes to the record do not reach it."""
    if isinstance(value, dict):
        # Most values are no containers: not to call for them makes every event twice as cheap.
        return {
            name: snapshot(inner) if isinstance(inner, _CONTAINERS) else inner
            for name, inner in value.items()
            if name[:1] != "_"
        }
    if isinstance(value, list):
        return [snapshot(inner) for inner in value]
    return value
