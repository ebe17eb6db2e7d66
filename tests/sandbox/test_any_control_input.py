"""Whatever the control interface and the dashboard's forms are sent, they refuse it in words, and never break."""

from typing import Any

import httpx
import pytest

from stripe_sandbox.control_api import ROUTES
from stripe_sandbox.dashboard.actions import ACTIONS
from stripe_sandbox.pages.board import DEEDS

from .conftest import Seller, forget_endpoints

VALUES: list[Any] = [None, "", "x", -1, 0, 1.5, True, [], {}, [{}], {"a": 1}, "9" * 400, 10**400, 1e300, "é\x00<"]
FIELDS = (
    "seconds url secret connect mode type delivery shuffled_by event times requests deliveries seed charge account"
).split()


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES])
async def test_every_route_bears_every_body(
    seller: Seller, http: httpx.AsyncClient, method: str, path: str
) -> None:
    where = f"/_sandbox{path.format(id='none', action='refund')}"
    bodies = [*VALUES, *(dict.fromkeys(FIELDS, value) for value in VALUES)]
    for body in [*bodies, *({name: "x"} for name in FIELDS)]:
        answer = await http.request(method, where, json=body)
        assert answer.status_code < 500, (body, answer.text)
    for text in (b"{", b"\xff", b"[" * 5000, b'{"seconds": NaN}', b'{"seconds": Infinity}'):
        assert (await http.request(method, where, content=text)).status_code < 500, text
    await seller.control.set_delivery_mode("drop")
    await forget_endpoints(seller)


async def _objects(seller: Seller) -> dict[str, str]:
    """The id of one object of each kind that is there after a payment, a transfer and a payout."""
    account = await seller.funded(8_000)
    await seller.client(account=account).payouts.create_async({"amount": 100, "currency": "usd"})
    intent = await seller.paid_in(5_000)
    client = seller.client()
    refund = await client.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    return {
        "account": account,
        "charge": str(intent.latest_charge),
        "payment_intent": intent.id,
        "payout": (await seller.client(account=account).payouts.list_async()).data[0].id,
        "refund": refund.id,
        "transfer": (await client.transfers.list_async()).data[0].id,
    }


@pytest.mark.parametrize("name", ACTIONS)
async def test_every_option_of_every_action_bears_every_value(
    seller: Seller, http: httpx.AsyncClient, name: str
) -> None:
    action = ACTIONS[name]
    identifier = (await _objects(seller)).get(action.kind, "none")
    for option in ("colour", *(option.name for option in action.options)):
        for value in VALUES:
            body = {action.kind: identifier, option: value}
            answer = await http.post(f"/_sandbox/dashboard/{name}", json=body)
            assert answer.status_code < 500, (body, answer.text)


@pytest.mark.parametrize("name", DEEDS)
async def test_every_form_bears_every_field(seller: Seller, http: httpx.AsyncClient, name: str) -> None:
    fields = "seconds mode shuffled_by id kind match times plan".split()
    for value in ("", "x", "-1", "1.5", "9" * 400, "[]", "[1]", "null", "é\x00<", "requests x", "a b c"):
        for given in ({}, dict.fromkeys(fields, value), *({field: value} for field in fields)):
            answer = await http.post(f"/_sandbox/pages/do/{name}", data=given)
            assert answer.status_code < 500, (given, answer.text)
