"""The page of the card's bank: the customer proves who they are (3D Secure), or fails to."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from stripe_sandbox.pages.layout import page
from stripe_sandbox.payments import confirmation, setting_up
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

_AUTHENTICATE = {"payment_intent": confirmation.authenticate, "setup_intent": setting_up.authenticate}
_BUTTONS = (("complete", "Complete authentication"), ("fail", "Fail authentication"))


def routes(sandbox: Sandbox) -> list[Route]:
    """The page and what its buttons do."""

    async def show(request: Request) -> Response:
        intent = _waiting(sandbox, request)
        return HTMLResponse(_form(intent) if intent else _OVER, status_code=200 if intent else 404)

    async def submit(request: Request) -> Response:
        intent = _waiting(sandbox, request)
        if intent is None:
            return HTMLResponse(_OVER, status_code=404)
        async with request.form() as form:
            _AUTHENTICATE[intent["object"]](sandbox, intent, succeed=form.get("outcome") == "complete")
        sandbox.commit()
        return _way_back(intent)

    path = "/_sandbox/pages/authentication/{intent}"
    return [Route(path, show, methods=["GET"]), Route(path, submit, methods=["POST"])]


_OVER = page("Nothing to authenticate", "<p>Nothing waits for the customer here.</p>")


def _waiting(sandbox: Sandbox, request: Request) -> Record | None:
    intent = sandbox.store.get(request.path_params["intent"])
    waits = intent is not None and intent["object"] in _AUTHENTICATE and intent["status"] == "requires_action"
    return intent if waits else None


def _way_back(intent: Record) -> Response:
    if not intent["_return_url"]:
        return HTMLResponse(page("Done", "<p>You may close this page.</p>"))
    mark = "&" if "?" in intent["_return_url"] else "?"
    name = intent["object"]
    query = f"{name}={intent['id']}&{name}_client_secret={intent['client_secret']}"
    return RedirectResponse(f"{intent['_return_url']}{mark}{query}", status_code=303)


def _form(intent: Record) -> str:
    buttons = "".join(f'<button name="outcome" value="{value}">{label}</button>' for value, label in _BUTTONS)
    text = "<p>A card is saved for later payments.</p>"
    if intent["object"] == "payment_intent":
        text = f"<p>A payment of {intent['amount']} minor units of {escape(intent['currency'])}.</p>"
    return page("Is it you?", f'{text}<form method="post">{buttons}</form>')
