"""The two pages where Stripe's onboarding ends when there is no frontend. They decide nothing."""

from fastapi import Depends
from fastapi.responses import HTMLResponse

from jobsphere.web.auth import public
from jobsphere.web.bodies import router

routes = router("pages")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 20vh auto; padding: 0 1rem }}
</style>
<h1>{title}</h1>
<p>{text}</p>
</html>
"""


@routes.get("/connect/success", dependencies=[Depends(public)], include_in_schema=False)
async def success() -> HTMLResponse:
    return _page(
        "Back from Stripe",
        "Your details are with Stripe. Whether you can withdraw now is shown by "
        "<code>GET /api/wallet/connect/status</code>; you can close this page.",
    )


@routes.get("/connect/refresh", dependencies=[Depends(public)], include_in_schema=False)
async def refresh() -> HTMLResponse:
    return _page(
        "This link has expired",
        "Onboarding links work once and for a few minutes. Get a fresh one with "
        "<code>POST /api/wallet/connect</code>.",
    )


def _page(title: str, text: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, text=text))
