"""Stripe's description of its API (OpenAPI): what a request may contain and what an answer must.

It is not part of this repository: it is read from ``STRIPE_SPEC_DIR``, or from ``shared/stripe`` beside it.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FOLDER = Path(os.environ.get("STRIPE_SPEC_DIR", Path(__file__).parents[3] / "shared" / "stripe"))
SPECIFICATION = FOLDER / "openapi.json"
ABSENT = f"Stripe's description of its API is not at {SPECIFICATION}"

Json = dict[str, Any]
_INTEGER = re.compile(r"-?[0-9]{1,18}")


def is_here() -> bool:
    """Whether there is a description to hold anything against."""
    return SPECIFICATION.exists()


@cache
def document() -> Json:
    """All of it."""
    found: Json = json.loads(SPECIFICATION.read_text())
    return found


def schemas() -> Json:
    """The schemas of objects, by kind."""
    found: Json = document()["components"]["schemas"]
    return found


@cache
def operations() -> dict[tuple[str, str], Json]:
    """What is described for each method and path, in which ``{}`` stands for a name."""
    paths = document()["paths"].items()
    return {(method.upper(), shape(path)): what for path, methods in paths for method, what in methods.items()}


def shape(path: str) -> str:
    """A path of the description without the names of its parts."""
    return re.sub(r"\{[^}]*\}", "{}", path)


@cache
def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """The operation that a real path belongs to: the one with the most literal segments."""
    given = [unquote(segment) for segment in path.strip("/").split("/")]
    fitting = [key for key in operations() if key[0] == method and _fits(key[1].strip("/").split("/"), given)]
    return min(fitting, key=lambda key: key[1].count("{}"), default=None)


def _fits(described: list[str], given: list[str]) -> bool:
    return len(described) == len(given) and all(d in ("{}", g) for d, g in zip(described, given, strict=True))


@cache
def request_schema(operation: tuple[str, str]) -> Json:
    """One schema for all parameters of an operation, whether they come in the query or in the body."""
    described = operations()[operation]
    queries = [parameter for parameter in described.get("parameters", []) if parameter["in"] == "query"]
    properties = {parameter["name"]: parameter["schema"] for parameter in queries}
    required = [parameter["name"] for parameter in queries if parameter.get("required")]
    for content in described.get("requestBody", {}).get("content", {}).values():
        schema = resolved(content["schema"])
        properties |= schema.get("properties", {})
        required += schema.get("required", [])
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def response_schema(operation: tuple[str, str] | None, status: int) -> Json:
    """The schema of an answer with this status."""
    if operation is None or status != 200:
        return {"$ref": "stripe#/components/schemas/error"}
    content = operations()[operation]["responses"]["200"]["content"]["application/json"]
    return content["schema"]  # type: ignore[no-any-return]


def _absolute(schema: Any) -> Any:
    """The schema with references that can be followed from anywhere."""
    if isinstance(schema, dict):
        return {k: f"stripe{v}" if k == "$ref" and v[0] == "#" else _absolute(v) for k, v in schema.items()}
    return [_absolute(one) for one in schema] if isinstance(schema, list) else schema


def resolved(schema: Json) -> Json:
    """The schema itself, if this is a reference to one."""
    while "$ref" in schema:
        schema = schemas()[schema["$ref"].rpartition("/")[2]]
    return schema


def violations(value: Any, schema: Json) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where ``value`` is not what ``schema`` says, and how."""
    for error in _validator(json.dumps(_absolute(schema))).iter_errors(value):
        yield tuple(error.absolute_path), error.message[:200]


@cache
def _validator(schema: str) -> Any:
    return Draft202012Validator(json.loads(schema), registry=_registry())


@cache
def _registry() -> Registry[Any]:
    registry: Registry[Any] = Registry().with_resource("stripe", DRAFT202012.create_resource(document()))
    return registry


def typed(value: Any, schema: Json) -> Any:
    """A form's value with the types that the schema has for it; left as it is where it fits none."""
    schema = resolved(schema)
    for option in schema.get("anyOf", ()):
        candidate = typed(value, option)
        if not list(violations(candidate, option)):
            return candidate
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        others = schema.get("additionalProperties") or {}
        known = schema.get("properties", {})
        return {
            name: typed(inner, known.get(name, others if others is not True else {}))
            for name, inner in value.items()
        }
    if kind == "array" and isinstance(value, dict) and all(position.isdecimal() for position in value):
        return [typed(value[position], schema["items"]) for position in sorted(value, key=int)]
    return _scalar(value, kind)


def _scalar(value: Any, kind: Any) -> Any:
    if kind == "integer" and isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "number" and isinstance(value, str) and _INTEGER.fullmatch(value):
        return float(value)
    if kind == "boolean":
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    return value


def objects(value: Any) -> Iterator[Json]:
    """Every object with a kind, at any depth; lists and mere references by id are left out."""
    if isinstance(value, dict):
        if isinstance(value.get("object"), str) and value["object"] != "list" and len(value) > 3:
            yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)
