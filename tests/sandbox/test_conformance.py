"""What the sandbox shows and takes is what Stripe's own description of its API says.

Every request and answer of every test in this folder and in ``tests/journeys`` is held against the description
when the test is over (``tests/description``). Here stand the tables that must agree with it, and the proof that
the judge finds what is wrong.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from stripe_sandbox.endpoints import ENDPOINTS
from stripe_sandbox.http.api import Exchange
from stripe_sandbox.http.expandable import EXPANDABLE, KINDS, LISTED
from stripe_sandbox.http.routing import Endpoint
from tests.description import stripe
from tests.description.differences import BROWSER_PARAMETERS, UNDESCRIBED_FIELDS
from tests.description.exchanges import judge

from .conftest import Seller, forget_endpoints

pytestmark = pytest.mark.skipif(not stripe.is_here(), reason=stripe.ABSENT)

# Endpoints at which the sandbox calls described parameters unknown, and why.
PARTLY_SIMULATED = {
    ("POST", "/v1/payment_methods"): "only cards are simulated; the rest describe other payment methods",
    ("POST", "/v1/accounts/{account}/external_accounts/{id}"): "only banks are simulated; the rest describe cards",
}
# Fields that can be expanded although the description does not say so.
NEWLY_EXPANDABLE = {"charge.dispute": "absent from the description, present in recorded objects"}


async def test_the_list_of_undescribed_fields_is_exact(seller: Seller, http: httpx.AsyncClient) -> None:
    objects = list(stripe.objects(await _everything(seller, http)))

    kinds = {record["object"] for record in objects}
    described = {kind: set(stripe.schemas()[kind]["properties"]) for kind in kinds & stripe.schemas().keys()}
    known = [record for record in objects if record["object"] in described]
    undescribed = {f"{r['object']}.{field}" for r in known for field in r.keys() - described[r["object"]]}

    assert undescribed == set(UNDESCRIBED_FIELDS)
    assert kinds >= {endpoint.answers for endpoint in ENDPOINTS} - {
        "account_link",
        "balance_settings",
        "login_link",
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_every_endpoint_takes_the_parameters_that_are_described(endpoint: Endpoint) -> None:
    schema = stripe.request_schema((endpoint.method, stripe.shape(endpoint.path)))
    described, required = set(schema["properties"]), set(schema["required"])
    taken = set(endpoint.parameters.readers)

    assert taken - described <= BROWSER_PARAMETERS
    assert required <= set(endpoint.parameters.required)
    if (endpoint.method, endpoint.path) not in PARTLY_SIMULATED:
        assert described - taken == {"expand"} & described


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_every_endpoint_answers_the_kind_of_object_that_is_described(endpoint: Endpoint) -> None:
    schema = stripe.resolved(stripe.response_schema((endpoint.method, stripe.shape(endpoint.path)), 200))
    properties = schema.get("properties", {})
    listed = {"data", "has_more"} <= properties.keys()
    answered = str(properties["data"]["items"] if listed else schema)

    assert endpoint.lists is listed
    assert endpoint.method == "DELETE" or _says(answered, str(endpoint.answers))


def _says(schema: str, kind: str) -> bool:
    return f"'{kind}'" in schema or f"/{kind}'" in schema or "'additionalProperties': True" in schema


@pytest.mark.parametrize("kind", EXPANDABLE)
def test_what_can_be_expanded_is_what_is_described(kind: str) -> None:
    described = {name: found for name, found in _expandable(kind) if found}
    ours = {
        name: set(kinds) for name, kinds in EXPANDABLE[kind].items() if f"{kind}.{name}" not in NEWLY_EXPANDABLE
    }

    assert ours.keys() == described.keys() - {"invoice"}  # an object that no longer stands in this field
    simulated = set(KINDS.values())
    assert all(described[name] & simulated == kinds & simulated for name, kinds in ours.items())
    assert all((name in LISTED) == ("data" in _property(kind, name)) for name in ours)


def _expandable(kind: str) -> Iterator[tuple[str, set[str]]]:
    for name, schema in stripe.schemas().get(kind, {}).get("properties", {}).items():
        inner = _property(kind, name).get("data", {}).get("items", {})
        refs = schema.get("x-expansionResources", {}).get("oneOf", [])
        refs += [one for one in (inner, *inner.get("anyOf", ())) if "$ref" in one]
        yield name, {ref["$ref"].rpartition("/")[2] for ref in refs}


def _property(kind: str, name: str) -> dict[str, Any]:
    """What stands inside of a field that is an object."""
    inside: dict[str, Any] = stripe.schemas()[kind]["properties"].get(name, {}).get("properties", {})
    return inside


GOOD = b"amount=5000&currency=usd"
BAD_FORMS = [
    b"amount=5000",
    b"amount=many&currency=usd",
    GOOD + b"&colour=red",
    GOOD + b"&metadata=x",
    GOOD + b"&a[b=1",
]


def _exchange(form: bytes, status: int, body: Any, path: str = "/v1/payment_intents") -> Exchange:
    return Exchange("POST", path, b"", {}, form, "req_1", status, json.dumps(body).encode())


def _wrong(exchange: Exchange, *, product: bool = False) -> str:
    return "\n".join(judge(exchange, product=product))


async def test_the_judge_finds_nothing_wrong_with_a_good_exchange(seller: Seller, http: httpx.AsyncClient) -> None:
    intent = (await http.post("/v1/payment_intents", data={"amount": "5000", "currency": "usd"})).json()

    assert _wrong(_exchange(GOOD, 200, intent), product=True) == ""


@pytest.mark.parametrize("form", BAD_FORMS)
async def test_the_judge_finds_a_wrong_request(seller: Seller, http: httpx.AsyncClient, form: bytes) -> None:
    intent = (await http.post("/v1/payment_intents", data={"amount": "5000", "currency": "usd"})).json()
    refusal = {"error": {"message": "No.", "type": "invalid_request_error"}}

    assert "the request is wrong" in _wrong(_exchange(form, 200, intent))
    assert "the request is wrong" in _wrong(_exchange(form, 400, refusal), product=True)
    assert _wrong(_exchange(form, 400, refusal)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": "5000"}, "payment_intent.amount: '5000' is not of type 'integer'"),
        ({"status": "done"}, "payment_intent.status"),
        ({"colour": "red"}, "payment_intent.colour is not described"),
        ({"last_payment_error": {"type": "sorrow"}}, "payment_intent.last_payment_error"),
    ],
)
async def test_the_judge_finds_a_wrong_answer(
    seller: Seller, http: httpx.AsyncClient, change: dict[str, Any], said: str
) -> None:
    intent = (await http.post("/v1/payment_intents", data={"amount": "5000", "currency": "usd"})).json()

    assert said in _wrong(_exchange(GOOD, 200, intent | change))
    assert "required property" in _wrong(_exchange(GOOD, 200, {n: v for n, v in intent.items() if n != "amount"}))


def test_the_judge_finds_wrong_errors_and_invented_requests() -> None:
    assert "the answer is wrong" in _wrong(_exchange(GOOD, 400, {"error": {"message": "No.", "type": "sorrow"}}))
    assert "Stripe has no such request" in _wrong(
        _exchange(b"", 200, {"error": {"type": "api_error"}}, "/v1/magic")
    )


async def _everything(seller: Seller, http: httpx.AsyncClient) -> list[Any]:
    """All that the lists show after a scenario in which everything happened once."""
    await _let_everything_happen(seller, http)
    ours = (
        "accounts balance_transactions charges customers disputes events payment_intents refunds "
        "setup_intents topups transfers".split()
    )
    shown = [(await http.get(f"/v1/{path}", params={"limit": 100})).json() for path in ours]
    more = ("radar/early_fraud_warnings", "account", "balance", "payment_methods", "webhook_endpoints")
    shown += [(await http.get(f"/v1/{path}")).json() for path in more]
    for intent in (await http.get("/v1/setup_intents")).json()["data"]:
        shown.append((await http.get("/v1/setup_attempts", params={"setup_intent": intent["id"]})).json())
    card = {"card[number]": "4242424242424242", "card[exp_month]": "1", "card[exp_year]": "2050"}
    shown.append((await http.post("/v1/tokens", data=card, headers={"Authorization": "Bearer pk_test_1"})).json())
    await forget_endpoints(seller)
    for account in shown[0]["data"]:
        shown += await _everything_of(http, account["id"])
    return shown


async def _everything_of(http: httpx.AsyncClient, account: str) -> list[Any]:
    headers = {"Stripe-Account": account}
    theirs = "account balance balance_transactions charges events payouts refunds".split()
    answers = [await http.get(f"/v1/{path}", headers=headers) for path in theirs]
    answers += [await http.get(f"/v1/accounts/{account}/{path}") for path in ("capabilities", "external_accounts")]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


async def _let_everything_happen(seller: Seller, http: httpx.AsyncClient) -> None:
    client = seller.client()
    customer = await client.customers.create_async({"email": "a@example.com"})
    await client.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    for card in ("pm_card_visa", "pm_card_authenticationRequired", "pm_card_refundFail", "pm_card_pendingRefund"):
        intent = await seller.paid_in(30_000, card)
        if intent.status == "requires_action":
            await seller.control.authenticate(intent.id, succeed=True)
        await client.refunds.create_async({"payment_intent": intent.id, "amount": 1_000})
    for card in ("createDispute", "createDisputeInquiry", "createMultipleDisputes", "createIssuerFraudRecord"):
        await seller.paid_in(20_000, f"pm_card_{card}")
    await seller.control.advance(seconds=1)
    for dispute, words in zip((await client.disputes.list_async()).data, ("winning", "losing"), strict=False):
        await client.disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": f"{words}_evidence"}})
    for card in ("pm_card_visa", "pm_card_authenticationRequired", "pm_card_chargeDeclined"):
        form = {
            "payment_method": card,
            "customer": customer.id,
            "confirm": "true",
            "return_url": "https://a.example",
        }
        await http.post("/v1/setup_intents", data=form)
    for source in ("btok_us_verified", "btok_us_no_account"):
        await client.topups.create_async({"amount": 1_000, "currency": "usd", "source": source})
    waiting = await seller.paid_in(5_000, "pm_card_threeDSecureRequiredChargeDeclined")
    await seller.control.authenticate(waiting.id, succeed=True)
    await client.payment_intents.cancel_async(waiting.id)
    for number in ("000123456789", "000111111116"):
        account = await seller.funded(5_000, number)
        await seller.client(account=account).payouts.create_async({"amount": 2_000, "currency": "usd"})
        transfer = (await client.transfers.list_async({"destination": account})).data[0]
        await client.transfers.reversals.create_async(transfer.id, {"amount": 500})
    await client.accounts.create_async({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    await client.webhook_endpoints.create_async({"url": "http://127.0.0.1:9/x", "enabled_events": ["*"]})
    await seller.control.advance(days=3)
