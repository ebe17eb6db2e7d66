"""The pages where onboarding at Stripe ends when there is no frontend. They decide nothing, and show no data."""

from html import escape

from fastapi import Depends
from fastapi.responses import HTMLResponse

from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("pages")

# Nothing is loaded from anywhere, and nothing on the page runs.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {platform}</title>
<style>
  :root {{ color-scheme: light dark;
    --edge: #d9dee7; --ink: #1a2233; --soft: #56617a; --paper: #fff; --back: #f4f6fa }}
  @media (prefers-color-scheme: dark) {{
    :root {{ --edge: #343d50; --ink: #e8ecf4; --soft: #a4afc4; --paper: #1b2231; --back: #121722 }}
  }}
  * {{ box-sizing: border-box }}
  body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem;
    background: var(--back); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }}
  main {{ width: 100%; max-width: 30rem; padding: 2.25rem; background: var(--paper);
    border: 1px solid var(--edge); border-top: 4px solid {accent}; border-radius: .75rem }}
  h1 {{ margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25 }}
  p {{ margin: 0 0 .75rem }}
  footer {{ margin-top: 1.75rem; color: var(--soft); font-size: .9rem }}
  code {{ overflow-wrap: anywhere; font-size: .9em }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{paragraphs}
<footer>{platform} · <a href="mailto:{email}">{email}</a></footer>
</main>
</body>
</html>
"""
_CALM, _CAREFUL, _WRONG = "#2f6fed", "#d18b00", "#c63b3b"


@routes.get("/connect/success", dependencies=[Depends(public)], include_in_schema=False)
async def success(context: CurrentContext) -> HTMLResponse:
    """Stripe's form was left by its end; whether it was complete, Stripe says elsewhere."""
    return _page(
        context,
        "Back from Stripe",
        _CALM,
        "Thank you. Stripe now has what you entered, and checks it; that can take some days.",
        "Whether you can withdraw, and what may still be missing, is shown by your payout account "
        "(GET /api/wallet/connect/status). You can close this page.",
    )


@routes.get("/connect/refresh", dependencies=[Depends(public)], include_in_schema=False)
async def refresh(context: CurrentContext) -> HTMLResponse:
    """Stripe's link was used or too old. A fresh one is for the signed-in contractor alone."""
    return _page(
        context,
        "This link has expired",
        _CAREFUL,
        "Links to your payout account work once, and for a few minutes. Nothing that you entered is lost.",
        "Open your payout account again to go on (POST /api/wallet/connect): that gives you a fresh link.",
    )


@routes.get("/connect/failure", dependencies=[Depends(public)], include_in_schema=False)
async def failure(context: CurrentContext) -> HTMLResponse:
    """Where a frontend, or a person, ends when the account could not be opened."""
    return _page(
        context,
        "Your payout account could not be opened",
        _WRONG,
        "Nothing was changed, and what you earned is safe in your wallet.",
        "Try again in a few minutes (POST /api/wallet/connect). If it goes on, write to us; the address is below.",
    )


def _page(context: CurrentContext, title: str, accent: str, *paragraphs: str) -> HTMLResponse:
    settings = context.settings
    page = _PAGE.format(
        title=escape(title),
        accent=accent,
        paragraphs="\n".join(f"<p>{escape(text)}</p>" for text in paragraphs),
        platform=escape(settings.platform_name),
        email=escape(settings.platform_email),
    )
    return HTMLResponse(page, headers=_HEADERS)
