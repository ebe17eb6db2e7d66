"""The dashboard over HTTP: its pages, and what its forms do."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from stripe_sandbox import due
from stripe_sandbox.connect.accounts import open_platform
from stripe_sandbox.dashboard.actions import ACTIONS
from stripe_sandbox.http.errors import StripeError
from stripe_sandbox.outbox import MODES
from stripe_sandbox.pages.html import Html, tag
from stripe_sandbox.pages.layout import HOME, dashboard_page
from stripe_sandbox.pages.objects import listing, object_path, whole_object
from stripe_sandbox.pages.overview import overview
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import DAY
from stripe_sandbox.store import Record, shown

Form = dict[str, str]
Page = Callable[[Sandbox, Request], Response]
# Does what a form says; returns the page to go back to, or one to show.
Deed = Callable[[Sandbox, Form], Awaitable[str | Response]]

STRIDE_SECONDS_MAX = 366 * DAY


def home(sandbox: Sandbox, request: Request) -> Response:
    """The overview."""
    return dashboard_page("Overview", *overview(sandbox))


def show_list(sandbox: Sandbox, request: Request) -> Response:
    """The objects of one kind."""
    kind, skip = request.path_params["kind"], request.query_params.get("skip", "0")
    if kind.startswith("sandbox."):
        return _refused("These are the sandbox's own.", 404)
    return dashboard_page(f"{kind}: newest first", *listing(sandbox, kind, int(skip) if skip.isdecimal() else 0))


def show_object(sandbox: Sandbox, request: Request) -> Response:
    """One object."""
    record = sandbox.store.get(request.path_params["id"])
    if record is None or record["object"].startswith("sandbox."):
        return _refused("There is no such object.", 404)
    return dashboard_page(f"{record['object']} {record['id']}", *whole_object(sandbox, record))


async def advance(sandbox: Sandbox, form: Form) -> str:
    """Let time pass."""
    seconds = int(form["seconds"])
    if not 0 <= seconds <= STRIDE_SECONDS_MAX:
        raise ValueError("Time only moves forward, and by at most a year at once.")
    await due.advance(sandbox, seconds)
    return HOME


async def set_mode(sandbox: Sandbox, form: Form) -> str:
    """Deliver, hold or drop from now on."""
    mode = next((mode for mode in MODES if mode == form["mode"]), None)
    if mode is None:
        raise ValueError(f"The mode is one of {', '.join(MODES)}.")
    sandbox.outbox.mode = mode
    return HOME


async def release(sandbox: Sandbox, form: Form) -> str:
    """Deliver what is held."""
    seed = sandbox.now() if "shuffled_by" in form else None
    sandbox.outbox.release(sandbox.outbox.held(), seed)
    return HOME


async def drop(sandbox: Sandbox, form: Form) -> str:
    """Give up what is held."""
    sandbox.outbox.drop(sandbox.outbox.held())
    return HOME


async def duplicate(sandbox: Sandbox, form: Form) -> str:
    """Hold what is held once more."""
    sandbox.outbox.duplicate(sandbox.outbox.held(), sandbox.now())
    return HOME


async def resend(sandbox: Sandbox, form: Form) -> str:
    """Send an event again."""
    event = _record(sandbox, "event", form["id"])
    sandbox.outbox.resend(event, 1, sandbox.now())
    return object_path(event["id"])


async def add_fault(sandbox: Sandbox, form: Form) -> str:
    """Add one rule to the plan of faults."""
    part, _, kind = form["kind"].partition(" ")
    plan = sandbox.faults.to_json()
    rule = {"kind": kind, "match": form["match"].strip() or "*", "times": int(form["times"])}
    sandbox.faults.replace(plan | {part: [*plan.get(part, []), rule]})
    return HOME


async def plan(sandbox: Sandbox, form: Form) -> str:
    """Replace the plan of faults."""
    sandbox.faults.replace(json.loads(form["plan"]))
    return HOME


async def clear_faults(sandbox: Sandbox, form: Form) -> str:
    """Let everything go well again."""
    sandbox.faults.clear()
    return HOME


async def reset(sandbox: Sandbox, form: Form) -> str:
    """Forget everything but the webhook endpoints."""
    sandbox.forget_everything()
    open_platform(sandbox)
    return HOME


async def act(sandbox: Sandbox, form: Form) -> str | Response:
    """Do one of ``dashboard.actions`` to an object."""
    name = form.pop("action")
    action = ACTIONS.get(name)
    if action is None:
        raise LookupError(f"There is no action {name}.")
    record = _record(sandbox, action.kind, form.pop("id"))
    result = action.do(sandbox, record, form)
    if "secret" in result:
        secret = json.dumps(shown(result), indent=2)
        return dashboard_page("The new secret, shown once", tag("section", tag("pre", secret)))
    return object_path(record["id"])


DEEDS: dict[str, Deed] = {
    "advance": advance,
    "mode": set_mode,
    "release": release,
    "drop": drop,
    "duplicate": duplicate,
    "resend": resend,
    "add_fault": add_fault,
    "plan": plan,
    "clear_faults": clear_faults,
    "reset": reset,
}
PAGES: dict[str, Page] = {
    "/_sandbox/": home,
    "/_sandbox/pages/list/{kind}": show_list,
    "/_sandbox/pages/object/{id}": show_object,
}


def routes(sandbox: Sandbox) -> list[Route]:
    """The dashboard's pages and forms, and a way to it from the root."""
    return [
        Route("/", lambda request: RedirectResponse(HOME), methods=["GET"]),
        *(Route(path, _showing(sandbox, show), methods=["GET"]) for path, show in PAGES.items()),
        *(
            Route(f"/_sandbox/pages/do/{name}", _doing(sandbox, deed), methods=["POST"])
            for name, deed in DEEDS.items()
        ),
        Route("/_sandbox/pages/do/action/{action}", _doing(sandbox, act), methods=["POST"]),
    ]


def _showing(sandbox: Sandbox, show: Page) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return show(sandbox, request)

    return handle


def _doing(sandbox: Sandbox, deed: Deed) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        async with request.form() as sent:
            form = {name: str(value) for name, value in sent.items()} | request.path_params
        try:
            led_to = await deed(sandbox, form)
        except LookupError as error:
            return _refused(f"{error.args[0]}", 404 if type(error) is LookupError else 400)
        except (StripeError, ValueError, RecursionError) as error:
            return _refused(str(error), 400)
        finally:
            sandbox.commit()
        return RedirectResponse(led_to, status_code=303) if isinstance(led_to, str) else led_to

    return handle


def _record(sandbox: Sandbox, kind: str, identifier: str) -> Record:
    record: dict[str, Any] | None = sandbox.store.get(identifier)
    if record is None or record["object"] != kind:
        raise LookupError(f"There is no {kind} {identifier}.")
    return record


def _refused(why: str, status: int) -> Response:
    back: Html = tag("p", tag("a", "Back to the overview", href=HOME))
    return dashboard_page("That was not done" if status == 400 else "Not here", tag("p", why), back, status=status)
