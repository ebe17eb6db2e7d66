"""The page of the card's bank: the customer proves who they are (3D Secure), or fails to."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from stripe_sandbox.pages.amounts import money
from stripe_sandbox.pages.html import button, post, tag
from stripe_sandbox.pages.layout import not_found, page
from stripe_sandbox.payments import confirmation, setting_up
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

_AUTHENTICATE = {"payment_intent": confirmation.authenticate, "setup_intent": setting_up.authenticate}


def routes(sandbox: Sandbox) -> list[Route]:
    """The page and what its buttons do."""

    async def show(request: Request) -> Response:
        intent = _waiting(sandbox, request)
        return _form(sandbox, intent) if intent else _over()

    async def submit(request: Request) -> Response:
        intent = _waiting(sandbox, request)
        if intent is None:
            return _over()
        async with request.form() as form:
            _AUTHENTICATE[intent["object"]](sandbox, intent, succeed=form.get("outcome") == "complete")
        sandbox.commit()
        return _way_back(intent)

    path = "/_sandbox/pages/authentication/{intent}"
    return [Route(path, show, methods=["GET"]), Route(path, submit, methods=["POST"])]


def _over() -> Response:
    return not_found("Nothing to authenticate", "Nothing waits for the customer here.")


def _waiting(sandbox: Sandbox, request: Request) -> Record | None:
    intent = sandbox.store.get(request.path_params["intent"])
    waits = intent is not None and intent["object"] in _AUTHENTICATE and intent["status"] == "requires_action"
    return intent if waits else None


def _way_back(intent: Record) -> Response:
    if not intent["_return_url"]:
        return page("Done", tag("p", "You may close this page."))
    mark = "&" if "?" in intent["_return_url"] else "?"
    name = intent["object"]
    query = f"{name}={intent['id']}&{name}_client_secret={intent['client_secret']}"
    return RedirectResponse(f"{intent['_return_url']}{mark}{query}", status_code=303)


def _form(sandbox: Sandbox, intent: Record) -> Response:
    method = sandbox.store.get(intent["payment_method"] or "") or {"card": {"brand": "a card", "last4": "…"}}
    card = f"{method['card']['brand']} ending in {method['card']['last4']}"
    what = tag("p", f"Save {card} for later payments.")
    if intent["object"] == "payment_intent":
        what = tag("p", "Pay ", tag("strong", money(intent["amount"], intent["currency"])), f" with {card}.")
    return page(
        "Is it you?",
        tag("section", tag("p", "Your bank wants to know that you agree.", class_="quiet"), what),
        post(
            "",
            button("Complete authentication", "outcome", "complete", "lead"),
            button("Fail authentication", "outcome", "fail"),
        ),
    )
