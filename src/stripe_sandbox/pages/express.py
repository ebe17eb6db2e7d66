"""What stands behind a login link: the owner of a connected account sees their money."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from stripe_sandbox.books import lines
from stripe_sandbox.pages.layout import page
from stripe_sandbox.sandbox import Sandbox

_HEAD = "<tr><th>Currency</th><th>Available</th><th>Pending</th><th>On its way to the bank</th></tr>"


def routes(sandbox: Sandbox) -> list[Route]:
    """The page; amounts are minor units."""

    async def show(request: Request) -> Response:
        held = [line for line in lines(sandbox) if line.account == request.path_params["account"]]
        cells = ((line.currency, line.available, line.pending, line.in_transit) for line in held)
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
        return HTMLResponse(page("Your money", f"<table>{_HEAD}{rows}</table>"))

    return [Route("/_sandbox/pages/express/{account}", show, methods=["GET"])]
