"""What all pages have in common: a look, a way around, and what browsers may do with them."""

from starlette.responses import HTMLResponse

from stripe_sandbox.pages.html import Content, Html, join, tag

HOME = "/_sandbox/"
# Nothing from elsewhere, no scripts. Forms may lead elsewhere: onboarding and authentication send people back.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
_DASHBOARD_POLICY = f"{_POLICY}; form-action 'self'; frame-ancestors 'none'"

_STYLE = """
:root{color-scheme:light dark;
--ink:#1d2433;--quiet:#5c667a;--paper:#f5f6f9;--card:#fff;--line:#dde1ea;--lead:#4a3fd1
}
@media(prefers-color-scheme:dark){:root{--ink:#e7e9f0;--quiet:#9aa3b5;--paper:#14161d;--card:#1d2029;--line:#333847;
--lead:#9a92ff}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0;background:var(--paper);color:var(--ink)}
main{max-width:34rem;margin:0 auto;padding:1.5rem 1rem 3rem}
main.broad{max-width:76rem}
header{background:var(--card);border-bottom:1px solid var(--line);padding:.6rem 1rem}
header nav{max-width:76rem;margin:0 auto;display:flex;gap:1.2rem;flex-wrap:wrap;align-items:baseline}
h1{font-size:1.35rem;margin:.4rem 0 1rem;overflow-wrap:anywhere}h2{font-size:1.02rem;margin:0 0 .6rem}
a{color:var(--lead);text-decoration:none}a:hover{text-decoration:underline}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;margin:0 0 1rem}
.grid{columns:26rem 2;column-gap:1rem;margin-bottom:1rem}.grid section{break-inside:avoid}
.row{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:0 0 .8rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--quiet);font-size:.85rem}tr:last-child td{border-bottom:0}
td a,td code{display:inline-block;max-width:16rem;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.grid td a{max-width:9rem}
form{display:inline-block;margin:0 .2rem .2rem 0}.wide+form{margin-top:.6rem}
.stack form,form.stack{display:block}.stack label{display:block;margin:.3rem 0}
button,select,input,textarea{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:7px;padding:.35rem .7rem;max-width:100%}
label+button{margin-left:.35rem}
button{cursor:pointer;margin:0 .35rem .35rem 0}button:hover{border-color:var(--lead)}
button.lead{background:var(--lead);border-color:var(--lead);color:var(--paper)}
textarea{width:100%;font:13px/1.4 ui-monospace,monospace}
pre{overflow-x:auto;font:13px/1.5 ui-monospace,monospace;margin:0}
details{margin:0 0 .5rem}summary{cursor:pointer;color:var(--lead)}details form{margin-top:.5rem}
.quiet,footer{color:var(--quiet)}.quiet{margin:.2rem 0}
.state{display:inline-block;border:1px solid var(--line);border-radius:99px;padding:0 .55rem;font-size:.85rem}
.good{color:#12794a;border-color:currentColor}.bad{color:#bb2d3b;border-color:currentColor}
@media(prefers-color-scheme:dark){.good{color:#57c896}.bad{color:#ff8b95}}
.big{font-size:1.6rem;font-weight:600;margin:.2rem 0}
footer{font-size:.85rem;padding:0 1rem 2rem;text-align:center}
"""
_WAYS = (
    ("Overview", HOME),
    ("Events", "/_sandbox/pages/list/event"),
    ("Accounts", "/_sandbox/pages/list/account"),
)


def page(title: str, *content: Content) -> HTMLResponse:
    """A page for a customer or the owner of an account, who know nothing of the sandbox's dashboard."""
    body = tag("main", tag("h1", title), *content)
    return HTMLResponse(_document(title, body), headers={"Content-Security-Policy": _POLICY})


def not_found(title: str, explanation: str) -> HTMLResponse:
    """A page that says that there is nothing here."""
    answer = page(title, tag("p", explanation))
    answer.status_code = 404
    return answer


def dashboard_page(title: str, *content: Content, status: int = 200) -> HTMLResponse:
    """A page of the sandbox's dashboard, with the ways to its other pages."""
    ways = [tag("a", label, href=href) for label, href in _WAYS]
    top = tag("header", tag("nav", tag("strong", "Stripe sandbox"), ways))
    body = join(top, tag("main", tag("h1", title), *content, class_="broad"))
    headers = {"Content-Security-Policy": _DASHBOARD_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(_document(title, body), status, headers)


def state(word: str) -> Html:
    """A word that says how something is, green or red where that is clear."""
    good = (
        "succeeded",
        "paid",
        "delivered",
        "won",
        "active",
        "enabled",
        "available",
        "balanced",
        "warning_closed",
    )
    bad = ("failed", "lost", "dropped", "canceled", "disabled", "requires_payment_method", "restricted")
    colour = "good" if word in good else "bad" if word in bad else ""
    return tag("span", word, class_=f"state {colour}".rstrip())


def _document(title: str, body: Html) -> str:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(_STYLE)),
    )
    foot = tag("footer", "Stripe sandbox: no real money moves here.")
    return f"<!doctype html>{tag('html', head, tag('body', body, foot), lang='en')}"
