"""Lists, newest first: paging by ``limit`` and cursors, ``has_more``, and ranges of ``created``."""

from itertools import islice, takewhile
from typing import Any

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid
from stripe_sandbox.http.parameters import Parameters, Reader, integer, moment_range, text
from stripe_sandbox.store import Record, shown

_PAGING: dict[str, Reader] = {"limit": integer, "starting_after": text, "ending_before": text}


def list_parameters(**filters: Reader) -> Parameters:
    """The parameters of a list: paging and the list's own filters."""
    return Parameters(optional=_PAGING | filters)


def dated_list_parameters(**filters: Reader) -> Parameters:
    """As ``list_parameters``, for a list that can also be filtered by ``created``."""
    return list_parameters(created=moment_range, **filters)


def page(call: Call, kind: str, url: str, where: Record, keep: Any = None) -> Record:
    """The page of ``kind`` that the call's paging asks for; ``keep`` may drop single records.

    Raises:
        StripeError: a cursor names no such record, or the limit is not 1 to 100.
    """
    limit = call.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("The limit must be between 1 and 100.", "limit", "parameter_invalid_integer")
    after, before = call.given(kind, "starting_after"), call.given(kind, "ending_before")
    if after and before:
        raise invalid("Give only one of starting_after and ending_before.", "ending_before")
    records = call.sandbox.store.newest_first(kind, call.account, where, after, before)
    records = filter(keep, _created_within(records, call.get("created", {}), bool(before)))
    found = list(islice(records, limit + 1))
    shown_now = found[:limit][::-1] if before else found[:limit]
    return as_list([shown(record) for record in shown_now], url, has_more=len(found) > limit)


def as_list(data: list[Record], url: str, *, has_more: bool = False) -> Record:
    """Stripe's list object around ``data``."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _created_within(records: Any, bounds: dict[str, int], oldest_first: bool) -> Any:
    """Only records within ``bounds``; stops as soon as the rest must lie outside."""
    if not bounds:
        return records
    low = max(bounds.get("gte", 0), bounds.get("gt", -1) + 1)
    high = min(bounds.get("lte", 1 << 62), bounds.get("lt", 1 << 62) - ("lt" in bounds))
    if oldest_first:
        return (r for r in takewhile(lambda r: r["created"] <= high, records) if r["created"] >= low)
    return (r for r in takewhile(lambda r: r["created"] >= low, records) if r["created"] <= high)
