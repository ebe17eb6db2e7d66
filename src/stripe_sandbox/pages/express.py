"""What stands behind a login link: the owner of a connected account sees their money, payouts and bank."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from stripe_sandbox.books import lines
from stripe_sandbox.connect import external_accounts
from stripe_sandbox.dashboard.accounts import change_bank
from stripe_sandbox.pages.amounts import moment, money
from stripe_sandbox.pages.html import Html, button, post, select, table, tag
from stripe_sandbox.pages.layout import not_found, page, state
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM
from stripe_sandbox.store import Record

PAYOUTS_SHOWN = 20
_MONEY = ["Available", "Pending", "On its way to the bank"]


def routes(sandbox: Sandbox) -> list[Route]:
    """The page, and the form that changes the bank account."""

    async def show(request: Request) -> Response:
        account = _account(sandbox, request)
        return _page(sandbox, account) if account else _nothing()

    async def submit(request: Request) -> Response:
        account = _account(sandbox, request)
        if account is None:
            return _nothing()
        async with request.form() as form:
            number = str(form.get("account_number", ""))
        if number in external_accounts.NUMBERS:
            change_bank(sandbox, account, number, None)
            sandbox.commit()
        return RedirectResponse(request.url.path, status_code=303)

    path = "/_sandbox/pages/express/{account}"
    return [Route(path, show, methods=["GET"]), Route(path, submit, methods=["POST"])]


def _account(sandbox: Sandbox, request: Request) -> Record | None:
    account = sandbox.store.get(request.path_params["account"])
    connected = account is not None and account["object"] == "account" and account["id"] != PLATFORM
    return account if connected and account and not account.get("_deleted") else None


def _nothing() -> Response:
    return not_found("No such account", "There is no dashboard here.")


def _page(sandbox: Sandbox, account: Record) -> Response:
    return page(
        "Your money",
        tag("section", _balances(sandbox, account)),
        tag("section", tag("h2", "Payouts"), _payouts(sandbox, account)),
        tag("section", tag("h2", "Bank account"), _banks(sandbox, account)),
    )


def _balances(sandbox: Sandbox, account: Record) -> Html:
    held = [line for line in lines(sandbox) if line.account == account["id"]]
    amounts = [(line.currency, (line.available, line.pending, line.in_transit)) for line in held]
    rows = [[money(amount, currency) for amount in line] for currency, line in amounts]
    return table(_MONEY, [list(row) for row in rows], "Nothing was paid to you yet.")


def _payouts(sandbox: Sandbox, account: Record) -> Html:
    newest = list(sandbox.store.newest_first("payout", account["id"], {}))[:PAYOUTS_SHOWN]
    rows: list[list[object]] = [
        [moment(p["created"])[:10], money(p["amount"], p["currency"]), state(p["status"]), p["failure_message"]]
        for p in newest
    ]
    return table(["Made", "Amount", "State", ""], rows, "None yet.")


def _banks(sandbox: Sandbox, account: Record) -> Html:
    banks = external_accounts.of_account(sandbox, account["id"])
    rows: list[list[object]] = [[f"•••• {b['last4']}", b["currency"].upper(), state(b["status"])] for b in banks]
    numbers = sorted(external_accounts.NUMBERS)
    form = post(
        "", select("account_number", numbers, external_accounts.GOOD_NUMBER, "Another one"), button("Use it")
    )
    return tag("div", table(["Number", "Currency", "State"], rows, "None: payouts cannot be made."), form)
