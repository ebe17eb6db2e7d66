"""The first page of the dashboard: time, money, deliveries, faults, what comes next, what happened last."""

import json
from collections import Counter

from stripe_sandbox.books import differences, lines
from stripe_sandbox.faults.deliveries import DeliveryFault
from stripe_sandbox.faults.requests import RequestFault
from stripe_sandbox.outbox import MODES
from stripe_sandbox.pages.amounts import moment, money
from stripe_sandbox.pages.html import Html, button, join, post, select, table, tag
from stripe_sandbox.pages.layout import state
from stripe_sandbox.pages.objects import event_rows, link_to, newest
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import DAY, HOUR

STRIDES = {"1 hour": HOUR, "1 day": DAY, "2 days": 2 * DAY, "7 days": 7 * DAY, "30 days": 30 * DAY}
UPCOMING_SHOWN = 8
EVENTS_SHOWN = 15
DO = "/_sandbox/pages/do"


def overview(sandbox: Sandbox) -> list[Html]:
    """The sections of the page."""
    grid = tag(
        "div",
        _clock(sandbox),
        _money(sandbox),
        _deliveries(sandbox),
        _faults(sandbox),
        _objects(sandbox),
        class_="grid",
    )
    events = newest(sandbox, "event", EVENTS_SHOWN)
    heads = ["When", "Event", "Account", "About", "Deliveries"]
    happened = table(heads, event_rows(sandbox, events), "Nothing happened yet.")
    return [grid, tag("section", tag("h2", "What happened last"), happened)]


def _clock(sandbox: Sandbox) -> Html:
    ahead = round(sandbox.clock.offset_seconds)
    strides = [button(f"+ {label}", "seconds", seconds) for label, seconds in STRIDES.items()]
    tasks = sorted(sandbox.store.of_kind("sandbox.task"), key=lambda task: (task["due"], task["_sequence"]))
    rows: list[list[object]] = [
        [moment(task["due"]), task["action"], link_to(sandbox, task["subject"])] for task in tasks[:UPCOMING_SHOWN]
    ]
    return tag(
        "section",
        tag("h2", "Time"),
        tag("p", moment(sandbox.now()), " UTC", class_="big"),
        tag("p", f"{ahead // DAY} days and {ahead % DAY // HOUR} hours ahead of the wall clock.", class_="quiet"),
        post(f"{DO}/advance", strides),
        tag("h2", f"Next ({len(tasks)} in all)"),
        table(["When", "What", "To"], rows, "Nothing falls due."),
    )


def _money(sandbox: Sandbox) -> Html:
    rows: list[list[object]] = [
        [
            link_to(sandbox, line.account),
            money(line.available, line.currency),
            money(line.pending, line.currency),
            money(line.in_transit, line.currency),
        ]
        for line in lines(sandbox)
    ]
    wrong = differences(sandbox)
    verdict = tag("p", "The books are ", state("balanced") if not wrong else state("failed"))
    heads = ["Account", "Available", "Pending", "To the bank"]
    contradictions = [tag("p", line) for line in wrong]
    return tag("section", tag("h2", "Money"), table(heads, rows, "No money yet."), verdict, contradictions)


def _deliveries(sandbox: Sandbox) -> Html:
    counts = Counter(known["state"] for known in sandbox.store.of_kind("sandbox.delivery"))
    now = sandbox.outbox.mode
    modes = [button(mode, "mode", mode, "lead" if mode == now else None) for mode in MODES]
    return tag(
        "section",
        tag("h2", "Deliveries"),
        tag("p", [join(state(f"{name} {count}"), " ") for name, count in sorted(counts.items())]),
        post(f"{DO}/mode", "From now on: ", modes),
        post(f"{DO}/release", button("Release what is held"), button("Release it shuffled", "shuffled_by", 1)),
        post(f"{DO}/drop", button("Drop it")),
        post(f"{DO}/duplicate", button("Double it")),
    )


def _faults(sandbox: Sandbox) -> Html:
    plan = sandbox.faults.to_json()
    rules = [*plan["requests"], *plan["deliveries"]]
    rows: list[list[object]] = [
        [rule["kind"], rule["match"], _how_often(rule), f"{rule['struck']} of {rule['seen']}"] for rule in rules
    ]
    kinds = [f"requests {kind}" for kind in RequestFault] + [f"deliveries {kind}" for kind in DeliveryFault]
    more = post(
        f"{DO}/add_fault",
        select("kind", kinds, kinds[0], "Let this happen"),
        tag("label", " to ", tag("input", name="match", value="*", size=22)),
        tag("label", " times ", tag("input", name="times", value=1, size=3, inputmode="numeric")),
        button("Plan it"),
    )
    text = json.dumps(plan, indent=1)
    whole = post(f"{DO}/plan", tag("textarea", text, name="plan", rows=12), button("Use this plan"))
    return tag(
        "section",
        tag("h2", "Faults"),
        table(["Kind", "To", "How often", "Struck"], rows, "Everything goes well."),
        more,
        post(f"{DO}/clear_faults", button("Forget all")) if rules else None,
        tag("details", tag("summary", "The plan as JSON"), whole),
    )


def _how_often(rule: dict[str, object]) -> str:
    times = "always" if rule["times"] is None else "once" if rule["times"] == 1 else f"{rule['times']} times"
    chance = f", p = {rule['probability']}" if rule["probability"] != 1 else ""
    skip = f", after {rule['skip']}" if rule["skip"] else ""
    every = f", 1 in {rule['every']}" if rule["every"] != 1 else ""
    return f"{times}{skip}{every}{chance}"


def _objects(sandbox: Sandbox) -> Html:
    counts = sorted((kind, sandbox.store.count(kind)) for kind in sandbox.store.kinds() if "sandbox." not in kind)
    links = [
        tag("div", tag("a", kind, href=f"/_sandbox/pages/list/{kind}"), f" {count}")
        for kind, count in counts
        if count
    ]
    reset = tag(
        "details", tag("summary", "Forget everything"), post(f"{DO}/reset", button("Yes, forget everything"))
    )
    return tag("section", tag("h2", "Objects"), tag("div", links, class_="row"), reset)
