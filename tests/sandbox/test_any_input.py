"""Whatever is sent, the sandbox answers with a refusal of Stripe's, never with an error of its own."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from stripe_sandbox.books import assert_balanced
from stripe_sandbox.connect.accounts import open_platform
from stripe_sandbox.endpoints import ENDPOINTS
from stripe_sandbox.http.api import Api, Exchange
from stripe_sandbox.http.parameters import Parameters
from stripe_sandbox.http.routing import Endpoint, Router
from stripe_sandbox.payments.dispute_course import open_dispute
from stripe_sandbox.payments.early_fraud_warnings import warn
from stripe_sandbox.sandbox import Sandbox

# What follows a parameter's name, and its value: of the right shape for some, of the wrong one for the others.
WORDS = "abc 1 -1 99999999 true usd express card http://example.com pm_card_visa pm_card_chargeDeclined".split()
SUFFIXES = "[] [0] [a] [a][b] [-1] [gte] [enabled] [number] [interval] [schedule]".split()
SHAPES = [
    *(("", value) for value in ("", *WORDS, "9" * 30, "é\x00")),
    *((suffix, value) for suffix in SUFFIXES for value in ("", "abc", "5")),
    *((f"[{'9' * 30}]", "1"), ("[\x00]", "")),
]
PLAUSIBLE = {
    "amount": "5000",
    "currency": "usd",
    "destination": "acct_1",
    "enabled_events": "*",
    "external_account": "btok_us",
    "reason": "other",
    "type": "card",
    "url": "http://127.0.0.1:9/x",
}
BEGINNING = (
    ("/v1/customers", "payment_method=pm_card_visa"),
    ("/v1/accounts", "type=express&capabilities[transfers][requested]=true&external_account=btok_us"),
    (
        "/v1/payment_intents",
        "amount=5000&currency=usd&payment_method=pm_card_bypassPending&confirm=true&return_url=x",
    ),
    ("/v1/payouts", "amount=1000&currency=usd"),
    ("/v1/payment_intents", "amount=5000&currency=usd&payment_method=pm_card_visa"),
    ("/v1/setup_intents", "payment_method=pm_card_visa"),
    ("/v1/topups", "amount=5000&currency=usd"),
    ("/v1/webhook_endpoints", "url=http://127.0.0.1:9/x&enabled_events[]=*"),
)
KINDS = {
    "early_fraud_warnings": "radar.early_fraud_warning",
    "external_accounts": "bank_account",
    "reversals": "transfer_reversal",
}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
@pytest.mark.parametrize("key", ["sk_test_1", "pk_test_1"])
def test_every_parameter_bears_every_shape(endpoint: Endpoint, key: str) -> None:
    sandbox = Sandbox()
    open_platform(sandbox)
    api = Api(sandbox, Router(ENDPOINTS))
    for path, form in BEGINNING:
        assert _ask(api, "POST", path, form) == 200
    charge = next(sandbox.store.of_kind("charge"))
    warn(sandbox, charge)
    open_dispute(sandbox, charge, 100)

    for form in _forms(endpoint):
        status = _ask(api, endpoint.method, _path(sandbox, endpoint.path), form, key)
        assert 200 <= status < 500, form
    assert_balanced(sandbox)


def _ask(api: Api, method: str, path: str, form: str, key: str = "sk_test_1") -> int:
    body, query = (form.encode(), b"") if method == "POST" else (b"", form.encode())
    exchange = Exchange(method, path, query, {"authorization": f"Bearer {key}"}, body, "req_1")
    api.answer(exchange)
    return exchange.status


def _forms(endpoint: Endpoint) -> Iterator[str]:
    """One form per parameter and shape; what is required besides is plausible."""
    for name in [*_names(endpoint.parameters), "expand", "colour"]:
        besides = {other: PLAUSIBLE.get(other, "1") for other in endpoint.parameters.required if other != name}
        for suffix, value in SHAPES:
            yield urlencode(besides | {name + suffix: value})


def _names(parameters: Parameters, within: str = "") -> Iterator[str]:
    """All names of parameters, those inside of groups included."""
    for name, reader in parameters.readers.items():
        full = f"{within}[{name}]" if within else name
        yield full
        if isinstance(reader, Parameters):
            yield from _names(reader, full)


def _path(sandbox: Sandbox, path: str) -> str:
    """The path with an id of the right kind wherever there is one to be put in."""
    segments = path.split("/")
    for at, segment in enumerate(segments):
        if segment[:1] == "{":
            kind = KINDS.get(segments[at - 1], segments[at - 1].removesuffix("s"))
            newest = list(sandbox.store.of_kind(kind))[-1:]
            segments[at] = newest[0]["id"] if newest else "nobody"
    return "/".join(segments)
