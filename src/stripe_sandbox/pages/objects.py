"""Lists of objects, and one object with all its fields, what may be done to it and what was told about it."""

import json
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from stripe_sandbox.dashboard.action import Action, Option
from stripe_sandbox.dashboard.actions import ACTIONS
from stripe_sandbox.pages.amounts import moment, money
from stripe_sandbox.pages.html import Content, Html, button, join, post, select, table, tag
from stripe_sandbox.pages.layout import state
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM
from stripe_sandbox.store import Record, shown

SHOWN = 50
EVENTS_SEARCHED = 5_000
EVENTS_ABOUT = 30
_ID = re.compile(r'"([A-Za-z]+_[A-Za-z0-9_]+)"')
EVENT_HEADS = ["When", "Event", "Account", "About", "Deliveries"]


def object_path(identifier: str) -> str:
    """Where the page of an object is."""
    return f"/_sandbox/pages/object/{identifier}"


def newest(sandbox: Sandbox, kind: str, count: int, skipping: int = 0) -> list[Record]:
    """The newest objects of a kind, whoever owns them."""
    known = list(sandbox.store.of_kind(kind))
    return list(islice(reversed(known), skipping, skipping + count))


def link_to(sandbox: Sandbox, identifier: str) -> Html:
    """A link to an object, by its id; the sandbox's own things have no page."""
    record = sandbox.store.get(identifier)
    if record is None or record["object"].startswith("sandbox."):
        return tag("code", identifier)
    return tag("a", identifier, href=object_path(identifier))


def listing(sandbox: Sandbox, kind: str, skipping: int) -> list[Html]:
    """One page of the list of a kind, newest first."""
    records = newest(sandbox, kind, SHOWN + 1, skipping)
    here = f"/_sandbox/pages/list/{kind}"
    older = tag("a", "Older", href=f"{here}?skip={skipping + SHOWN}") if len(records) > SHOWN else None
    if kind == "event":
        body = table(EVENT_HEADS, event_rows(sandbox, records[:SHOWN]), "There are none.")
    else:
        rows = [_row(sandbox, record) for record in records[:SHOWN]]
        body = table(["Made", "Id", "State", "Amount", "Account", "About"], rows, "There are none.")
    return [tag("section", body, older)]


def whole_object(sandbox: Sandbox, record: Record) -> list[Html | None]:
    """The sections of an object's page."""
    return [
        _summary(sandbox, record),
        _actions(record),
        tag("section", tag("h2", "All fields"), tag("pre", _fields(sandbox, record))),
        _told_about(sandbox, record),
    ]


def event_rows(sandbox: Sandbox, events: list[Record]) -> list[list[Content]]:
    """A row for each event: when, what, whose, about which object, and what became of its deliveries."""
    wanted = {event["id"] for event in events}
    found: dict[str, list[Record]] = {}
    for delivery in sandbox.store.of_kind("sandbox.delivery"):
        if delivery["event"] in wanted:
            found.setdefault(delivery["event"], []).append(delivery)
    return [
        [
            moment(event["created"]),
            tag("a", event["type"], href=object_path(event["id"])),
            link_to(sandbox, event["account"]) if "account" in event else "",
            link_to(sandbox, str(event["data"]["object"].get("id", ""))),
            [join(state(delivery["state"]), " ") for delivery in found.get(event["id"], [])],
        ]
        for event in events
    ]


def _summary(sandbox: Sandbox, record: Record) -> Html:
    """The same that a list tells about an object, in one line."""
    made, _, how, amount, owner, about = _row(sandbox, record)
    return tag("p", [tag("span", piece) for piece in (how, amount, made, owner, about) if piece], class_="row")


def _row(sandbox: Sandbox, record: Record) -> list[Content]:
    amount, owner = record.get("amount"), record["_account"]
    return [
        moment(record["created"]) if "created" in record else "",
        link_to(sandbox, record["id"]),
        state(_state(record)) if _state(record) else "",
        money(amount, record["currency"]) if isinstance(amount, int) else "",
        link_to(sandbox, owner) if owner not in ("", PLATFORM) else "",
        str(record.get("description") or record.get("email") or record.get("url") or record.get("type") or "")[
            :60
        ],
    ]


def _state(record: Record) -> str:
    if record.get("_deleted"):
        return "deleted"
    if record["object"] == "account":
        return "enabled" if record["payouts_enabled"] else "restricted"
    return str(record.get("status") or "")


def _fields(sandbox: Sandbox, record: Record) -> Html:
    """The object as JSON, its ids as links."""
    text = json.dumps(shown(record), indent=2, ensure_ascii=False)
    pieces: list[Content] = []
    position = 0
    for match in _ID.finditer(text):
        pieces += [text[position : match.start(1)], _linked(sandbox, match[1], record)]
        position = match.end(1)
    return join(*pieces, text[position:])


def _linked(sandbox: Sandbox, word: str, record: Record) -> Content:
    known = sandbox.store.get(word)
    if known is None or known is record or known["object"].startswith("sandbox."):
        return word
    return tag("a", word, href=object_path(word))


def _actions(record: Record) -> Html | None:
    """A form for everything that may be done to an object of this kind."""
    forms = [_form(name, action, record) for name, action in ACTIONS.items() if action.kind == record["object"]]
    if record["object"] == "event":
        forms.append(post("/_sandbox/pages/do/resend", button("Send it again"), id=record["id"]))
    return tag("section", tag("h2", "What may be done"), forms) if forms else None


def _form(name: str, action: Action, record: Record) -> Html:
    fields = [_field(option) for option in action.options]
    form = post(f"/_sandbox/pages/do/action/{name}", fields, button(action.label), id=record["id"])
    return tag("details", tag("summary", action.label), form, class_="stack") if fields else form


def _field(option: Option) -> Html:
    label = option.name.replace("_", " ")
    if not option.choices:
        return tag("label", label, " ", tag("input", name=option.name, value=_as_word(option.default)))
    choices = list(option.choices) if option.default is not None else ["", *option.choices]
    return select(option.name, choices, _as_word(option.default), label)


def _as_word(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def _told_about(sandbox: Sandbox, record: Record) -> Html:
    """The events about an object; for an event, its deliveries."""
    if record["object"] == "event":
        return tag("section", tag("h2", "Deliveries"), _deliveries_of(sandbox, record))
    told = list(islice(_about(sandbox, record["id"]), EVENTS_ABOUT))
    return tag("section", tag("h2", "Events"), table(EVENT_HEADS, event_rows(sandbox, told), "None lately."))


def _about(sandbox: Sandbox, identifier: str) -> Iterable[Record]:
    recent = newest(sandbox, "event", EVENTS_SEARCHED)
    return (event for event in recent if event["data"]["object"].get("id") == identifier)


def _deliveries_of(sandbox: Sandbox, event: Record) -> Html:
    known = [known for known in sandbox.store.of_kind("sandbox.delivery") if known["event"] == event["id"]]
    rows: list[list[Content]] = [
        [
            link_to(sandbox, delivery["endpoint"]),
            state(delivery["state"]),
            delivery["fault"] or "",
            delivery["attempts"],
            delivery["last_status"] or "",
            moment(delivery["next_attempt"]) if delivery["next_attempt"] else "",
        ]
        for delivery in known
    ]
    return table(
        ["Endpoint", "State", "Fault", "Attempts", "Last answer", "Next attempt"], rows, "It went nowhere."
    )
