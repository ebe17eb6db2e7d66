"""Events: what happened, with the object as it was then. They are kept whether or not anybody listens."""

from stripe_sandbox.faults.deliveries import fits_type
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, no_such
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import array, boolean, text
from stripe_sandbox.ids import new_id
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import API_VERSION, PLATFORM
from stripe_sandbox.store import Record, snapshot
from stripe_sandbox.webhooks.dispatch import dispatch
from stripe_sandbox.webhooks.event_types import EVENT_TYPES, UNLISTED

TYPES_MAX = 20
LIST = dated_list_parameters(type=text, types=array(text), delivery_success=boolean)


def emit(
    sandbox: Sandbox,
    kind: str,
    record: Record,
    previous: Record | None = None,
    account: str | None = None,
) -> Record:
    """Record that ``kind`` happened to ``record`` and have it delivered to every endpoint that wants it.

    ``previous`` are the former values of what changed, for ``*.updated``. ``account`` is whose event it is;
    without it, the account that owns the record.
    """
    assert kind in EVENT_TYPES or kind in UNLISTED, f"Stripe knows no event {kind}"
    owner = account or record["_account"]
    data: Record = {"object": snapshot(record)}
    if previous:
        data["previous_attributes"] = snapshot(previous)
    endpoints = _listeners(sandbox, owner, kind)
    event: Record = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": sandbox.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": _request(sandbox),
        "type": kind,
        "_undelivered": [endpoint["id"] for endpoint in endpoints],
    }
    if owner != PLATFORM:
        event["account"] = owner
    sandbox.store.add(event, owner)
    for endpoint in endpoints:
        dispatch(sandbox, event, endpoint)
    return event


def _request(sandbox: Sandbox) -> dict[str, str | None]:
    cause = sandbox.cause
    if cause is None:
        return {"id": None, "idempotency_key": None}
    return {"id": cause.request_id, "idempotency_key": cause.idempotency_key}


def _listeners(sandbox: Sandbox, owner: str, kind: str) -> list[Record]:
    connect = owner != PLATFORM
    if (sandbox.store.get(owner) or {}).get("_deleted"):
        return []  # it is not connected any more: what happens to it is not the platform's business
    return [
        endpoint
        for endpoint in sandbox.store.of_kind("webhook_endpoint")
        if endpoint["_connect"] == connect
        and endpoint["status"] == "enabled"
        and not endpoint.get("_deleted")
        and ("*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"])
    ]


def retrieve(call: Call) -> Record:
    """One event, if it is younger than 30 days."""
    event = call.named("event", "event", "id")
    if not _still_kept(call.sandbox, event):
        raise no_such("event", event["id"], "id")
    return event


def list_events(call: Call) -> Record:
    """Events of the last 30 days, by type or types, time and whether every delivery succeeded.

    Raises:
        StripeError: both ``type`` and ``types`` are given, or more than 20 types.
    """
    types = call.get("types")
    if types is not None and "type" in call.params:
        raise invalid("You may give only one of `type` and `types`.", "types")
    if types is not None and len(types) > TYPES_MAX:
        raise invalid(f"You may give at most {TYPES_MAX} types.", "types")
    pattern, success = call.get("type", "*"), call.get("delivery_success")
    where = {} if pattern.endswith("*") else {"type": pattern}

    def keep(event: Record) -> bool:
        return (
            _still_kept(call.sandbox, event)
            and fits_type(event["type"], pattern)
            and (types is None or event["type"] in types)
            and (success is None or success != bool(event.get("_undelivered")))
        )

    return page(call, "event", "/v1/events", where, keep)


def _still_kept(sandbox: Sandbox, event: Record) -> bool:
    return bool(event["created"] > sandbox.now() - sandbox.settings.event_kept_seconds)
