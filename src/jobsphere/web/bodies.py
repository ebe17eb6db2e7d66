"""Request bodies, read strictly: exact numbers, known fields only, JSON objects and nothing else."""

import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

DEPTH_MAX = 32
_PLAIN_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?", re.ASCII)
# PostgreSQL's text holds no NUL, and no UTF-8 holds half of a surrogate pair.
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


class InvalidJson(Exception):
    """The body is not one JSON object in UTF-8 without repeated names."""


class WrongContentType(Exception):
    """The body is said to be something other than JSON."""


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A JSON number that is not a small whole one, kept as it was written."""

    text: str


def _amount_text(value: object) -> str:
    if isinstance(value, JsonNumber):
        value = value.text
    elif type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not _PLAIN_AMOUNT.fullmatch(value):
        raise PydanticCustomError("amount", "not a plain decimal number")
    return value


# Major units as plain text, exactly as given, for ``Money.from_major``.
Amount = Annotated[
    str,
    BeforeValidator(_amount_text),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^{_PLAIN_AMOUNT.pattern}$"}],
            "description": "Major units: a plain JSON number or a decimal string; no sign, no exponent.",
            "examples": ["200.00", 19.99],
        }
    ),
]

# Strict models take no text for an id; JSON has nothing else to write one with.
Id = Annotated[UUID, Field(strict=False)]


class Body(BaseModel):
    """What a JSON body may hold: declared fields only, by their camelCase names, nothing converted.

    An id is an ``Id``, an amount an ``Amount``, a choice a ``Literal``.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``; numbers other than small whole ones are ``JsonNumber``.

    Raises:
        InvalidJson: it is anything else, repeats a name, holds what is no number or no text, or
            is nested deeper than ``DEPTH_MAX``.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_repetition,
            parse_float=JsonNumber,
            parse_int=_whole_number,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidJson from error
    if not isinstance(value, dict):
        raise InvalidJson
    _refuse_unstorable(value, DEPTH_MAX)
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is repeated")
    return found


def _whole_number(text: str) -> int | JsonNumber:
    return int(text) if len(text) <= 18 and text != "-0" else JsonNumber(text)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON numbers")


def _refuse_unstorable(value: object, depth_left: int) -> None:
    if isinstance(value, str) and _NOT_TEXT.search(value):
        raise InvalidJson
    if isinstance(value, dict | list):
        if depth_left == 0:
            raise InvalidJson
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            _refuse_unstorable(inner, depth_left - 1)


class _ReadRequest(Request):
    """A request whose body was parsed by us; FastAPI asks it for ``json`` as it would any other."""

    def __init__(self, request: Request, raw: bytes, parsed: dict[str, Any]) -> None:
        super().__init__(request.scope, request.receive)
        self._raw = raw
        self._parsed = parsed

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> dict[str, Any]:
        return self._parsed


class StrictRoute(APIRoute):
    """A route that parses its JSON body strictly; routes without one read the raw request as it is."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle
        is_required = self.body_field.field_info.is_required()

        async def read_then_handle(request: Request) -> Response:
            raw = await request.body()
            if not raw and not is_required:
                return await handle(request)
            if not _is_json(request.headers.get("content-type", "")):
                raise WrongContentType
            return await handle(_ReadRequest(request, raw, parse(raw)))

        return read_then_handle


def router(tag: str) -> APIRouter:
    """A router whose routes read bodies strictly; every router of ours is made here.

    Its routes name their whole path, and ``app.py`` includes it without a prefix, so that the log
    shows the route as it is written.
    """
    return APIRouter(route_class=StrictRoute, tags=[tag], redirect_slashes=False)


def _is_json(content_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower()
    return kind.strip().lower() == "application/json" and charset in ("", "charset=utf-8", 'charset="utf-8"')
