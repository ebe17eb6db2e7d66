"""Problem documents (RFC 9457): the one shape of every error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class Problem:
    """What the client is told. ``detail`` says what to do; ``{error.name}`` in it is that attribute."""

    status: int
    code: str
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def document(
    problem: Problem, detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """``problem`` as ``application/problem+json``, with ``members`` beyond those of RFC 9457."""
    body = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "code": problem.code,
        **members,
    }
    return JSONResponse(
        body, problem.status, {**problem.headers, **(headers or {})}, media_type="application/problem+json"
    )
