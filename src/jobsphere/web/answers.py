"""The one shape of every success: ``{"message": …, "data": …}``, in camelCase, times in UTC with a Z."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body that holds nothing but what JSON has."""

    status: int
    body: dict[str, Any]

    def response(self, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return JSONResponse(self.body, self.status, headers)


def answer(message: str, data: Any = None, status: int = 200) -> Answer:
    """A success; ids and times in ``data`` become text, amounts are decimal strings already."""
    body = {"message": message, "data": data}
    return Answer(status, json.loads(json.dumps(body, default=_as_json, allow_nan=False)))


def rfc3339(moment: datetime) -> str:
    """``2026-01-01T00:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"an answer cannot hold {type(value).__name__}")
