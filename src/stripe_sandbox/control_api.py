"""The control interface under ``/_sandbox/``: time, deliveries, faults, books, and what a person would do."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stripe_sandbox import books, due
from stripe_sandbox.connect.accounts import open_platform
from stripe_sandbox.dashboard.actions import ACTIONS
from stripe_sandbox.http.api import Api
from stripe_sandbox.http.errors import StripeError
from stripe_sandbox.outbox import MODES
from stripe_sandbox.settings import DAY
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.endpoints import listen

ADVANCE_SECONDS_MAX = 10 * 365 * DAY
RESENDS_MAX = 100
# What reading a body may raise: it is not JSON, too deep, or a value is of another kind or size than it should be.
NONSENSE = (ValueError, TypeError, ArithmeticError, RecursionError)

Handler = Callable[["Control", dict[str, Any], dict[str, str]], Awaitable[Any]]


class NoSuchRecord(Exception):
    """The path or the body names a record that does not exist, or one of another kind."""


class Control:
    """What the control interface acts on."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.sandbox = api.sandbox

    def record(self, kind: str, identifier: str) -> Record:
        """The record of that kind, whoever owns it.

        Raises:
            NoSuchRecord: there is none.
        """
        record = self.sandbox.store.get(identifier)
        if record is None or record["object"] != kind:
            raise NoSuchRecord(f"There is no {kind.removeprefix('sandbox.')} {identifier}.")
        return record


async def health(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """It answers, so it is well."""
    return {"status": "ok"}


async def clock(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Sandbox time, and how far it is ahead of the wall clock."""
    return {"now": control.sandbox.now(), "offset_seconds": control.sandbox.clock.offset_seconds}


async def advance(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Let time pass; answers when all that fell due has happened and its deliveries were tried."""
    seconds = float(body["seconds"])
    if not 0 <= seconds <= ADVANCE_SECONDS_MAX:
        raise ValueError(f"Time only moves forward, and by at most {ADVANCE_SECONDS_MAX} seconds at once.")
    await due.advance(control.sandbox, seconds)
    return await clock(control, body, path)


async def schedule(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """What falls due in the future, the next first: when, what, and to which object."""
    tasks = sorted(
        control.sandbox.store.of_kind("sandbox.task"), key=lambda task: (task["due"], task["_sequence"])
    )
    return {"data": [{name: task[name] for name in ("due", "action", "subject")} for task in tasks]}


async def list_endpoints(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """All webhook endpoints, without their secrets."""
    endpoints = control.sandbox.store.of_kind("webhook_endpoint")
    return {"data": [shown(endpoint) | {"connect": endpoint["_connect"]} for endpoint in endpoints]}


async def add_endpoint(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Send all events of the platform, or of connected accounts, to a URL."""
    connect = bool(body.get("connect", False))
    return shown(listen(control.sandbox, str(body["url"]), str(body["secret"]), connect=connect))


async def deliveries(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Every delivery, oldest first, and the mode."""
    known = control.sandbox.store.of_kind("sandbox.delivery")
    return {"mode": control.sandbox.outbox.mode, "data": [shown(delivery) for delivery in known]}


async def set_mode(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Deliver, hold or drop from now on; ``deliver`` also releases what is held."""
    if body["mode"] not in MODES:
        raise ValueError(f"The mode is one of {', '.join(MODES)}.")
    control.sandbox.outbox.mode = body["mode"]
    return {"mode": body["mode"]}


def _held(control: Control, body: dict[str, Any]) -> list[Record]:
    """The held deliveries that the body chooses: by ``type`` (``payout.*``), by ``delivery``, or all.

    Raises:
        NoSuchRecord: it names a delivery that does not exist.
    """
    delivery = body.get("delivery")
    if delivery is not None:
        control.record("sandbox.delivery", delivery)
    return control.sandbox.outbox.held(str(body.get("type") or "*"), delivery)


async def release(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Deliver what is held, one after the other, shuffled by a seed if one is given; the mode stays."""
    shuffled_by = body.get("shuffled_by")
    seed = None if shuffled_by is None else int(shuffled_by)
    return {"released": control.sandbox.outbox.release(_held(control, body), seed)}


async def drop(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Give up what is held."""
    return {"dropped": control.sandbox.outbox.drop(_held(control, body))}


async def duplicate(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Hold what is held once more."""
    held = _held(control, body)
    return {"duplicated": control.sandbox.outbox.duplicate(held, control.sandbox.now())}


async def resend(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Deliver an event again, whatever became of it before."""
    event, times = control.record("event", body["event"]), int(body.get("times", 1))
    if not 1 <= times <= RESENDS_MAX:
        raise ValueError(f"An event is sent again from 1 to {RESENDS_MAX} times.")
    sent = control.sandbox.outbox.resend(event, times, control.sandbox.now())
    return {"deliveries": sent}


async def drain(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Answers when nothing waits to be tried now."""
    await control.sandbox.outbox.drained()
    return {"drained": True}


async def show_settings(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """How long things take and what Stripe charges."""
    return asdict(control.sandbox.settings)


async def change_settings(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Use other values for some settings until the next reset."""
    control.sandbox.change_settings(body)
    return asdict(control.sandbox.settings)


async def show_books(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Every account's money, and whether the books are balanced."""
    found = books.differences(control.sandbox)
    lines = [asdict(line) for line in books.lines(control.sandbox)]
    return {"balanced": not found, "differences": found, "accounts": lines}


async def calls(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """The requests seen on Stripe's paths, oldest first."""
    known = control.sandbox.store.of_kind("sandbox.call")
    hidden = ("id", "object")
    return {"data": [{k: v for k, v in shown(call).items() if k not in hidden} for call in known]}


async def call(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """One of these requests; an error's ``request_log_url`` leads here."""
    return shown(control.record("sandbox.call", f"call:{path['id']}"))


async def plan_faults(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Replace the plan of faults; the new one is answered, with nothing counted yet."""
    control.sandbox.faults.replace(body)
    return control.sandbox.faults.to_json()


async def show_faults(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """The plan of faults, each rule with how often it was seen to fit and struck."""
    return control.sandbox.faults.to_json()


async def clear_faults(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Let everything go well again."""
    control.sandbox.faults.clear()
    return control.sandbox.faults.to_json()


async def do_in_the_dashboard(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Do one of ``dashboard.actions`` to the object that the body names by its kind."""
    action = ACTIONS.get(path["action"])
    if action is None:
        raise NoSuchRecord(f"There is no action {path['action']}; there are {', '.join(ACTIONS)}.")
    record = control.record(action.kind, body.pop(action.kind))
    return shown(action.do(control.sandbox, record, body))


async def reset(control: Control, body: dict[str, Any], path: dict[str, str]) -> Any:
    """Forget everything but the webhook endpoints; time is wall time again."""
    control.sandbox.forget_everything()
    open_platform(control.sandbox)
    return {"reset": True}


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/health", health),
    ("GET", "/clock", clock),
    ("POST", "/clock/advance", advance),
    ("GET", "/schedule", schedule),
    ("GET", "/webhook_endpoints", list_endpoints),
    ("POST", "/webhook_endpoints", add_endpoint),
    ("GET", "/deliveries", deliveries),
    ("POST", "/deliveries/mode", set_mode),
    ("POST", "/deliveries/release", release),
    ("POST", "/deliveries/drop", drop),
    ("POST", "/deliveries/duplicate", duplicate),
    ("POST", "/deliveries/resend", resend),
    ("POST", "/deliveries/drain", drain),
    ("GET", "/settings", show_settings),
    ("POST", "/settings", change_settings),
    ("GET", "/books", show_books),
    ("GET", "/calls", calls),
    ("GET", "/calls/{id}", call),
    ("GET", "/faults", show_faults),
    ("POST", "/faults", plan_faults),
    ("DELETE", "/faults", clear_faults),
    ("POST", "/dashboard/{action}", do_in_the_dashboard),
    ("POST", "/reset", reset),
)


def routes(api: Api) -> list[Route]:
    """The control interface's routes; JSON in, JSON out."""
    control = Control(api)
    return [Route(f"/_sandbox{path}", _over_http(control, act), methods=[method]) for method, path, act in ROUTES]


def _over_http(control: Control, act: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        try:
            body = await request.json() if await request.body() else {}
            body = {"requests": body} if isinstance(body, list) else body
            if not isinstance(body, dict):
                raise TypeError("The body must be a JSON object.")
            answer = JSONResponse(await act(control, body, request.path_params))
        except NoSuchRecord as error:
            answer = _refusal(404, str(error))
        except KeyError as error:
            answer = _refusal(400, f"Missing: {error}")
        except (StripeError, *NONSENSE) as error:
            answer = _refusal(400, str(error))
        control.sandbox.commit()
        return answer

    return handle


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
