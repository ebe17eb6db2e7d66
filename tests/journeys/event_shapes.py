"""Events in every shape that Stripe sends or ever sent: all types, ten versions, whole, partial and spoiled."""

import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stripe.params import WebhookEndpointCreateParams

FOLDER = Path(os.environ.get("STRIPE_SPEC_DIR", Path(__file__).parents[3] / "shared" / "stripe"))

# Ten versions, from long before Connect's `account` to those that name their releases.
VERSIONS = (
    *("2012-11-07", "2014-06-17", "2015-10-16", "2016-07-06", "2017-04-06", "2018-11-08", "2020-08-27"),
    *("2022-11-15", "2023-10-16", "2024-11-20.acacia", "2026-10-28.endive", None),
)


def event_types() -> list[str]:
    """Every type that a webhook endpoint can be made for, and those that no longer exist."""
    # As it is written: evaluating the SDK's annotations needs imports that it makes for type checkers only.
    literal = str(WebhookEndpointCreateParams.__annotations__["enabled_events"])
    known = re.findall(r"[\"']([a-z0-9_.]+\.[a-z0-9_.]+)[\"']", literal)
    gone = ["transfer.paid", "transfer.failed", "charge.refund.updated", "ping", "order.created", "sku.updated"]
    thin = ["v2.core.account.updated", "v1.billing.meter.error_report_triggered", "v2.core.event_destination.ping"]
    return [*known, *gone, *thin]


@dataclass(slots=True)
class Shapes:
    """Makes events; the same seed makes the same ones. ``ours`` are objects that exist here, by their kind."""

    seed: int
    ours: dict[str, dict[str, Any]]
    account_id: str
    chance: random.Random = field(init=False)
    _schemas: dict[str, Any] = field(init=False)
    _made: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._schemas = _schemas()

    def event(self, type_: str, stripe_object: object, *, connect: bool) -> dict[str, Any]:
        """As one of the versions would tell it."""
        self._made += 1
        version = self.chance.choice(VERSIONS)
        made: dict[str, Any] = {
            "id": f"evt_{self.seed}_{self._made}",
            "object": "event",
            "api_version": version,
            "created": 1_700_000_000 + self._made,
            "data": {"object": stripe_object},
            "livemode": False,
            "pending_webhooks": 1,
            "request": f"req_{self._made}" if (version or "") < "2017-05-25" else {"id": None},
            "type": type_,
        }
        if connect:
            whose = self.account_id if self.chance.random() < 0.8 else "acct_of_nobody"
            made["user_id" if (version or "") < "2017-05-25" else "account"] = whose
        if type_.startswith("v2."):
            made = {name: made[name] for name in ("id", "type", "livemode", "created")} | {
                "object": "v2.core.event",
                "context": self.account_id,
                "related_object": {"id": self.account_id, "type": "v2.core.account", "url": "/v2/core/accounts/…"},
            }
        for name in ("livemode", "api_version", "request", "pending_webhooks", "created"):
            if self.chance.random() < 0.05:
                made.pop(name, None)
        return made

    def objects(self, type_: str) -> Iterator[object]:
        """What such an event may be about: made by the description, ours, and both of them spoiled."""
        yield self._generated(self._schemas.get(self._kind(type_), {}), 0)
        ours = self.ours.get(self._kind(type_))
        if ours is not None:
            yield from self.spoiled(ours)

    def spoiled(self, whole: dict[str, Any]) -> Iterator[object]:
        """Each field left out, null, of another type, expanded or not; and nothing that is an object at all."""
        for name in whole:
            yield {other: value for other, value in whole.items() if other != name}
            yield whole | {name: self.chance.choice(_SPOILT)}
            if isinstance(whole[name], str):
                yield whole | {name: {"id": whole[name], "object": "expanded"}}
        yield from ({}, None, [], "an id", 7)

    def _kind(self, type_: str) -> str:
        """The name of the object's schema, as far as the type tells it."""
        nouns = type_.split(".")[:-1]
        candidates = [*nouns[::-1], ".".join(nouns), "_".join(nouns)]
        return next(
            (one for one in candidates if one in self._schemas or one in self.ours), nouns[0] if nouns else ""
        )

    def _generated(self, schema: dict[str, Any], depth: int) -> Any:
        """Something that the schema allows."""
        if "$ref" in schema:
            schema = self._schemas.get(schema["$ref"].rpartition("/")[2], {})
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return self._generated(self.chance.choice(choices), depth + 1)
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        if schema.get("nullable") and self.chance.random() < 0.3:
            return None
        if schema.get("type") == "object" or "properties" in schema:
            return self._generated_object(schema, depth)
        return self._generated_plain(schema, depth)

    def _generated_object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self._generated(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or (depth < 3 and self.chance.random() < 0.7)
        }

    def _generated_plain(self, schema: dict[str, Any], depth: int) -> Any:
        match schema.get("type"):
            case "array":
                return [self._generated(schema.get("items", {}), depth + 1)] if depth < 4 else []
            case "integer":
                return self.chance.randrange(100_000)
            case "number":
                return self.chance.random()
            case "boolean":
                return self.chance.random() < 0.5
            case "string":
                return f"text_{self.chance.randrange(10**6)}"
            case _:
                return {"id": f"obj_{self.chance.randrange(10**6)}", "object": "something"}


_SPOILT: tuple[Any, ...] = (
    *(None, "", 0, -1, 1.5, True, [], {}, ["a"], {"id": 7}, "\x00", "a\nb", "\ud800", "x" * 70_000),
    *(10**30, -(10**30), "NaN", "🐘", "' OR 1=1 --", {"id": None}, {"data": None}, {"deposit_id": "\x00"}),
)


def _schemas() -> dict[str, Any]:
    """Stripe's own description of its objects; where it is absent, every object is a plain one."""
    try:
        description = json.loads((FOLDER / "openapi.json").read_text())
    except FileNotFoundError:
        return {}
    schemas: dict[str, Any] = description["components"]["schemas"]
    return schemas


def recorded() -> list[dict[str, Any]]:
    """Objects recorded from Stripe, where they are at hand."""
    return [json.loads(path.read_text()) for path in sorted((FOLDER / "samples").glob("obj__*.json"))]


def types_of(kind: str) -> list[str]:
    """The types of events about such an object."""
    return [type_ for type_ in event_types() if re.search(rf"(^|\.){re.escape(kind)}\.", type_)]


def bodies_of_no_event(seed: int) -> list[bytes]:
    """What no event is, however right its signature."""
    chance = random.Random(seed)
    named = b'{"object":"event","id":"evt_%d","type":"payment_intent.succeeded","livemode":false,"data":%s}'
    return [
        b"",
        b"null",
        b"[]",
        b'"event"',
        b"not json",
        b"\x00" * 10,
        b"\xff\xfe" + "{}".encode("utf-16-le"),
        b"\xc3\x28",
        b"[" * 5_000 + b"]" * 5_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        named % (1, b'{"object":' * 5_000 + b"1" + b"}" * 5_000),
        named % (2, b"9" * 100_000),
        named % (3, b"1e999999"),
        named % (4, b'{"object":{"id":"\\u0000"}}'),
        named % (5, b'{"object":{"id":"\\ud800"}}'),
        named % (6, b'{"object":{"id":"pi_1","id":"pi_2"}}'),
        named % (7, b'{"object":NaN}'),
        named % (8, b'{"object":{"id":"pi_1","status":"succeeded","amount":1e2,"currency":"usd"}}'),
        b'{"object":"event","id":"evt_9","type":"a","pad":"' + b"x" * (1024 * 1024 - 51) + b'"}',
        *(chance.randbytes(chance.randrange(1, 400)) for _ in range(40)),
    ]
