"""Every request that tests let somebody send to the sandbox, and every answer, held against the description."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stripe_sandbox.http import forms
from stripe_sandbox.http.api import Exchange
from tests.description import stripe
from tests.description.differences import BROWSER_PARAMETERS, DIFFERENT_VALUES, UNDESCRIBED_FIELDS

# What makes two answers differ and does not matter to any schema: ids, moments.
_IDS_AND_MOMENTS = re.compile(r"_[0-9a-f]{24}|\b[12][0-9]{9}\b")


@dataclass
class Judge:
    """Keeps what a sandbox was asked and what it answered, and judges it when asked to.

    ``product`` says that JobSphere itself asked: then every request must be valid, else those that succeeded.
    """

    product: bool = False
    waiting: list[Exchange] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        """Keep an exchange; called by the sandbox, in its thread."""
        self.waiting.append(exchange)

    def verdicts(self) -> list[str]:
        """What is wrong with everything since the last call, one sentence each."""
        exchanges, self.waiting = self.waiting, []
        for exchange in exchanges:
            _count(exchange, product=self.product)
        return [wrong for exchange in exchanges for wrong in judge(exchange, product=self.product)]


def judged(keeper: Judge) -> None:
    """Let everything kept be as Stripe describes it; without a description nothing is judged."""
    if not stripe.is_here():
        keeper.waiting.clear()
        return
    wrong = Counter(keeper.verdicts())
    assert not wrong, "\n".join(f"{count} x {one}" for one, count in wrong.items())


COUNTS: Counter[str] = Counter()
TOLERATED: Counter[str] = Counter()
_known: dict[tuple[Any, ...], tuple[list[str], Counter[str]]] = {}


def judge(exchange: Exchange, *, product: bool) -> Iterator[str]:
    """What is wrong with one exchange."""
    operation = stripe.operation_of(exchange.method, exchange.path)
    wrong = [] if operation is None else list(_wrong_parameters(exchange, operation))
    where = f"{exchange.method} {exchange.path} answered {exchange.status}"
    if operation is None and exchange.status == 200:
        yield f"{where}, although Stripe has no such request"
    if wrong and (product or exchange.status == 200):
        yield from (f"{where}: the request is wrong: {one}" for one in wrong)
    if exchange.status:
        yield from (f"{where}: the answer is wrong: {one}" for one in _wrong_answer(exchange, operation))


def _count(exchange: Exchange, *, product: bool) -> None:
    operation = stripe.operation_of(exchange.method, exchange.path)
    valid = operation is not None and not any(_wrong_parameters(exchange, operation))
    COUNTS["requests"] += 1
    COUNTS["requests of JobSphere"] += product
    COUNTS["requests that are valid"] += valid
    COUNTS["requests that are wrong on purpose and were refused"] += not valid and exchange.status != 200
    COUNTS["answers"] += bool(exchange.status)


def _wrong_parameters(exchange: Exchange, operation: tuple[str, str]) -> Iterator[str]:
    encoded = exchange.body if exchange.method == "POST" else exchange.query
    try:
        form = forms.decode(encoded)
    except forms.MalformedForm as error:
        yield str(error)
        return
    if "pk_" in exchange.headers.get("authorization", ""):
        form = {name: value for name, value in form.items() if name not in BROWSER_PARAMETERS}
    schema = stripe.request_schema(operation)
    for path, message in stripe.violations(stripe.typed(form, schema), schema):
        yield f"{'.'.join(map(str, path))}: {message}"


def _wrong_answer(exchange: Exchange, operation: tuple[str, str] | None) -> list[str]:
    """What is wrong with an answer; answers that differ in ids and moments only are judged once."""
    key = operation, exchange.status, _IDS_AND_MOMENTS.sub("", exchange.content.decode())
    if key not in _known:
        body = json.loads(exchange.content)
        tolerated: Counter[str] = Counter()
        found = list(_invalid(body, operation, exchange.status, tolerated))
        _known[key] = [*found, *_undescribed(body, tolerated)], tolerated
    wrong, tolerated = _known[key]
    TOLERATED.update(tolerated)
    return wrong


def _invalid(body: Any, operation: tuple[str, str] | None, status: int, tolerated: Counter[str]) -> Iterator[str]:
    for path, message in stripe.violations(body, stripe.response_schema(operation, status)):
        name = _field_at(body, path)
        if name in DIFFERENT_VALUES:
            tolerated[name] += 1
        else:
            yield f"{name}: {message}"


def _field_at(body: Any, path: tuple[str | int, ...]) -> str:
    """The innermost object with a kind on the way to ``path``, and what follows after it."""
    kind, rest = "", list[str]()
    for step in path:
        if isinstance(body, dict) and body.get("object", "list") != "list":
            kind, rest = body["object"], []
        if isinstance(step, str):
            rest.append(step)
        body = body[step]
    if isinstance(body, dict) and body.get("object", "list") != "list":
        kind, rest = body["object"], []
    return ".".join([kind, *rest])


def _undescribed(body: Any, tolerated: Counter[str]) -> Iterator[str]:
    for one in stripe.objects(body):
        described = stripe.schemas().get(one["object"], {}).get("properties")
        for name in sorted(one.keys() - described.keys()) if described else ():
            full = f"{one['object']}.{name}"
            if full in UNDESCRIBED_FIELDS:
                tolerated[full] += 1
            else:
                yield f"{full} is not described"


def summary() -> list[str]:
    """What was held against the description in this run, and which differences were tolerated how often."""
    lines = [f"{count:7,} {what}" for what, count in COUNTS.items()]
    reasons = UNDESCRIBED_FIELDS | DIFFERENT_VALUES
    lines.append(f"{len(TOLERATED):7,} tolerated differences, seen {TOLERATED.total():,} times:")
    lines += [f"{count:7,} {name}: {reasons[name]}" for name, count in sorted(TOLERATED.items())]
    return lines
