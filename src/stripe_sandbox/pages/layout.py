"""What all pages have in common."""

from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#222}"
    "button{font:inherit;margin:.25rem .5rem .25rem 0;padding:.5rem 1rem}"
    "footer{margin-top:3rem;color:#666;font-size:.85rem}"
)


def page(title: str, body: str) -> str:
    """A complete page around ``body``, which is HTML already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}"
        "<footer>stripe_sandbox: no real money moves here.</footer></body></html>"
    )
