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
    """A status and a body as the text that is sent, and kept for who repeats the request."""

    status: int
    text: str

    @classmethod
    def of(cls, status: int, body: Mapping[str, Any]) -> "Answer":
        """Ids and times in ``body`` become text, amounts are decimal strings already."""
        return cls(status, _ENCODER.encode(body))

    @property
    def body(self) -> dict[str, Any]:
        """What a client reads."""
        body: dict[str, Any] = json.loads(self.text)
        return body

    def response(self, headers: Mapping[str, str] | None = None) -> JSONResponse:
        return _WrittenJson(self.text, self.status, headers)


def answer(message: str, data: Any = None, status: int = 200) -> Answer:
    """A success."""
    return Answer.of(status, {"message": message, "data": data})


def rfc3339(moment: datetime) -> str:
    """``2026-01-01T00:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _WrittenJson(JSONResponse):
    """JSON that is text already."""

    def render(self, content: str) -> bytes:
        return content.encode()


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"an answer cannot hold {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_json)
