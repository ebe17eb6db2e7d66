"""The form behind an account link: the owner of a connected account completes it, leaves it or is refused."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from stripe_sandbox.connect.onboarding import onboard, open_link, use_link
from stripe_sandbox.pages.layout import page
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

_BUTTONS = (
    ("complete", "Complete onboarding"),
    ("unfinished", "Leave it unfinished"),
    ("refused", "Be refused"),
)


def routes(sandbox: Sandbox) -> list[Route]:
    """The page and what its buttons do."""

    async def show(request: Request) -> Response:
        link = open_link(sandbox, request.path_params["link"])
        return HTMLResponse(_form(link)) if link else _gone(sandbox, request)

    async def submit(request: Request) -> Response:
        link = open_link(sandbox, request.path_params["link"])
        if link is None:
            return _gone(sandbox, request)
        async with request.form() as form:
            _answer(sandbox, link, str(form.get("outcome", "unfinished")))
        sandbox.commit()
        return RedirectResponse(link["return_url"], status_code=303)

    path = "/_sandbox/pages/onboarding/{link}"
    return [Route(path, show, methods=["GET"]), Route(path, submit, methods=["POST"])]


def _answer(sandbox: Sandbox, link: Record, outcome: str) -> None:
    account = use_link(sandbox, link)
    if outcome == "complete":
        onboard(sandbox, account, "complete")
    elif outcome == "refused":
        onboard(sandbox, account, "rejected")


def _gone(sandbox: Sandbox, request: Request) -> Response:
    """A link that was used or has expired sends its visitor to where a new one is made."""
    link = sandbox.store.get(request.path_params["link"])
    if link is None or link["object"] != "sandbox.link":
        return HTMLResponse(page("No such link", "<p>There is no such onboarding link.</p>"), status_code=404)
    return RedirectResponse(link["refresh_url"], status_code=303)


def _form(link: Record) -> str:
    buttons = "".join(f'<button name="outcome" value="{value}">{label}</button>' for value, label in _BUTTONS)
    text = f"<p>Account <code>{escape(link['subject'])}</code>. Nothing here is real; choose how it ends.</p>"
    return page("Receive payouts", f'{text}<form method="post">{buttons}</form>')
