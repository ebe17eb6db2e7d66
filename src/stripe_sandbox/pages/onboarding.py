"""The form behind an account link: the owner of a connected account completes it, leaves it or is refused."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from stripe_sandbox.connect.external_accounts import FAILURES, GOOD_NUMBER, NUMBERS
from stripe_sandbox.connect.onboarding import onboard, open_link, use_link
from stripe_sandbox.pages.html import Html, button, join, post, tag
from stripe_sandbox.pages.layout import not_found, page
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

# What each button is called, and what onboarding comes to; None: nothing was filled in.
_OUTCOMES: dict[str, tuple[str, str | None]] = {
    "complete": ("Complete onboarding", "complete"),
    "pending": ("Hand it in; verification takes its time", "pending"),
    "incomplete": ("Hand it in without a document", "restricted"),
    "unfinished": ("Leave it unfinished", None),
    "refused": ("Be refused", "rejected"),
}


def routes(sandbox: Sandbox) -> list[Route]:
    """The page and what its buttons do."""

    async def show(request: Request) -> Response:
        link = open_link(sandbox, request.path_params["link"])
        return _form(sandbox, link) if link else _gone(sandbox, request)

    async def submit(request: Request) -> Response:
        link = open_link(sandbox, request.path_params["link"])
        if link is None:
            return _gone(sandbox, request)
        async with request.form() as form:
            number = str(form.get("account_number", ""))
            _answer(sandbox, link, str(form.get("outcome", "")), number if number in NUMBERS else None)
        sandbox.commit()
        return RedirectResponse(link["return_url"], status_code=303)

    path = "/_sandbox/pages/onboarding/{link}"
    return [Route(path, show, methods=["GET"]), Route(path, submit, methods=["POST"])]


def _answer(sandbox: Sandbox, link: Record, button_name: str, account_number: str | None) -> None:
    """Let the owner have pressed this button; the link never works again. An unknown one leaves it unfinished."""
    account = use_link(sandbox, link)
    _, outcome = _OUTCOMES.get(button_name, _OUTCOMES["unfinished"])
    if outcome is not None:
        onboard(sandbox, account, outcome, account_number)


def _gone(sandbox: Sandbox, request: Request) -> Response:
    """A link that was used or has expired sends its visitor to where a new one is made."""
    link = sandbox.store.get(request.path_params["link"])
    if link is None or link["object"] != "sandbox.link":
        return not_found("No such link", "There is no such onboarding link.")
    return RedirectResponse(link["refresh_url"], status_code=303)


def _form(sandbox: Sandbox, link: Record) -> Response:
    account = sandbox.store.get(link["subject"]) or {}
    owed = account["requirements"]["currently_due"]
    return page(
        "Receive payouts",
        tag("p", "Account ", tag("code", link["subject"]), ". Nothing here is real; choose how it ends."),
        tag("section", tag("h2", "Still needed"), tag("p", ", ".join(owed) or "Nothing.", class_="quiet")),
        post(
            "",
            tag("section", tag("h2", "Bank account"), _numbers(), class_="stack"),
            [_choice(name, label) for name, (label, _) in _OUTCOMES.items()],
        ),
    )


def _choice(name: str, label: str) -> Html:
    return tag("p", button(label, "outcome", name, "lead" if name == "complete" else None))


def _numbers() -> Html:
    """The test numbers to choose from, each with what becomes of payouts to it."""
    fates = {GOOD_NUMBER: "payouts arrive"} | {
        number: f"payouts fail: {code}" for number, code in FAILURES.items()
    }
    others = dict.fromkeys(sorted(NUMBERS - fates.keys()), "payouts arrive")
    keep = _number("", "the bank account that is there, or one at which payouts arrive", chosen=True)
    return join(keep, [_number(number, fate) for number, fate in (fates | others).items()])


def _number(number: str, fate: str, *, chosen: bool = False) -> Html:
    radio = tag("input", type="radio", name="account_number", value=number, checked=chosen)
    return tag("label", radio, " ", tag("code", f"{number} ") if number else None, fate)
