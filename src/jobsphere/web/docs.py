"""``/docs``: Swagger UI from files of our own, so that it works with the network off."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from jobsphere.web.auth import public
from jobsphere.web.bodies import router

_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_ASSETS_URL = "/docs/assets"
_OPENAPI_URL = "/openapi.json"
_NO_ICON = "data:,"

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do about it."},
        "code": {"type": "string", "description": "Stable: decide by this."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "A problem document (RFC 9457)",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
}

routes = router("documentation")


@routes.get("/", dependencies=[Depends(public)], include_in_schema=False)
async def start_page() -> RedirectResponse:
    return RedirectResponse("/docs", 302)


@routes.get(_OPENAPI_URL, dependencies=[Depends(public)], include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


@routes.get("/docs", dependencies=[Depends(public)], include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url=_OPENAPI_URL,
        title=f"{request.app.title} API",
        swagger_js_url=f"{_ASSETS_URL}/swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS_URL}/swagger-ui.css",
        swagger_favicon_url=_NO_ICON,
        # Swagger UI would otherwise show our API to a validator on the internet.
        swagger_ui_parameters={"validatorUrl": None},
    )
    page.headers["Content-Security-Policy"] = _content_security_policy(bytes(page.body).decode())
    return page


def install(app: FastAPI) -> None:
    """Serve the page and its files."""
    app.include_router(routes)
    app.mount(_ASSETS_URL, StaticFiles(directory=_ASSETS), name="docs-assets")


def _content_security_policy(page: str) -> str:
    """Only our own files and exactly the scripts written in ``page``."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
