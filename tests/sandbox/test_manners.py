"""Stripe's manners over HTTP: keys, parameters, lists, expansion, accounts, errors."""

from typing import Any

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services

from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.server import bind, server_for

from .conftest import Seller

GOOD = {"amount": "5000", "currency": "usd"}


def _error(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        (GOOD | {"colour": "red"}, "parameter_unknown", "colour"),
        (GOOD | {"automatic_payment_methods[on]": "true"}, "parameter_unknown", "automatic_payment_methods[on]"),
        (GOOD | {"amount": "10.5"}, "parameter_invalid_integer", "amount"),
        (GOOD | {"amount": "0"}, "parameter_invalid_integer", "amount"),
        (GOOD | {"amount": "-5"}, "parameter_invalid_integer", "amount"),
        (GOOD | {"amount": "49"}, "amount_too_small", "amount"),
        (GOOD | {"amount": "100000000"}, "amount_too_large", "amount"),
        (GOOD | {"currency": "abc"}, None, "currency"),
        (GOOD | {"confirm": "yes"}, None, "confirm"),
        (GOOD | {"customer": ""}, "parameter_invalid_empty", "customer"),
        (GOOD | {"customer": "cus_nobody"}, "resource_missing", "customer"),
        (GOOD | {"payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        (GOOD | {"metadata": "words"}, "parameter_invalid_type", "metadata"),
        (GOOD | {"transfer_data[destination]": "acct_1"}, "sandbox_unsupported", "transfer_data"),
        (GOOD | {"payment_method_types[]": "card"}, "parameter_unknown", "payment_method_types"),
        (GOOD | {"expand[]": "nothing"}, None, "expand"),
        (GOOD | {"a[b": "1"}, None, None),
        (GOOD | {"return_url": "https://example.com"}, None, "return_url"),
    ],
)
async def test_wrong_parameters_are_named(
    seller: Seller, http: httpx.AsyncClient, form: dict[str, str], code: str | None, param: str | None
) -> None:
    response = await http.post("/v1/payment_intents", data=form)

    error = _error(response)
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error.get("param")) == (code, param)
    assert error["message"]


@pytest.mark.parametrize(
    ("path", "status", "code", "param"),
    [
        ("payment_intents/pi_1", 404, "resource_missing", "intent"),
        ("charges/ch_1", 404, "resource_missing", "id"),
        ("customers/cus_1", 404, "resource_missing", "id"),
        ("payouts/po_1", 404, "resource_missing", "payout"),
        ("accounts/acct_1", 403, "account_invalid", None),
        ("unheard_of", 404, None, None),
        ("payment_intents/pi_1/confirm", 404, None, None),
    ],
)
async def test_what_is_not_there_is_said_so(
    seller: Seller, http: httpx.AsyncClient, path: str, status: int, code: str | None, param: str | None
) -> None:
    response = await http.get(f"/v1/{path}")

    assert response.status_code == status
    assert (_error(response).get("code"), _error(response).get("param")) == (code, param)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer sk_live_123", "Bearer pk_live_123", "Bearer rk_test_1", "Basic !!!", "Basic c2tfbGl2ZV8xOg=="],
)
async def test_only_test_keys_are_taken(seller: Seller, http: httpx.AsyncClient, header: str) -> None:
    response = await http.get("/v1/balance", headers={"Authorization": header})

    assert response.status_code == 401
    assert _error(response)["type"] == "invalid_request_error"
    assert "123" not in response.text


async def test_one_account_does_not_see_what_belongs_to_another(seller: Seller, stripe_client: V1Services) -> None:
    account = await seller.funded()
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 500, "currency": "usd"})
    intent = await seller.paid_in()

    with pytest.raises(stripe.InvalidRequestError) as ours:
        await stripe_client.payouts.retrieve_async(payout.id)
    with pytest.raises(stripe.InvalidRequestError) as other:
        await theirs.payment_intents.retrieve_async(intent.id)
    with pytest.raises(stripe.PermissionError):
        await seller.client(account="acct_nobody").balance.retrieve_async()
    assert (ours.value.http_status, other.value.http_status) == (404, 404)


async def test_lists_page_both_ways_through_everything(seller: Seller, stripe_client: V1Services) -> None:
    made = [(await stripe_client.customers.create_async({"name": str(n)})).id for n in range(7)]
    newest_first = made[::-1]

    first = await stripe_client.customers.list_async({"limit": 3})
    second = await stripe_client.customers.list_async({"limit": 3, "starting_after": first.data[-1].id})
    back = await stripe_client.customers.list_async({"limit": 2, "ending_before": second.data[0].id})
    everything = [customer.id async for customer in first.auto_paging_iter()]

    assert [c.id for c in first.data] == newest_first[:3]
    assert [c.id for c in second.data] == newest_first[3:6]
    assert [c.id for c in back.data] == newest_first[1:3]
    assert (first.has_more, back.has_more) == (True, True)
    assert everything == newest_first


async def test_lists_filter_by_what_they_belong_to_and_when(seller: Seller, stripe_client: V1Services) -> None:
    mine = await stripe_client.customers.create_async({"email": "a@example.com"})
    await stripe_client.customers.create_async({"email": "b@example.com"})
    await stripe_client.payment_intents.create_async({"amount": 500, "currency": "usd", "customer": mine.id})
    await stripe_client.payment_intents.create_async({"amount": 600, "currency": "usd"})
    later = await seller.control.advance(hours=1)

    assert len((await stripe_client.payment_intents.list_async({"customer": mine.id})).data) == 1
    assert [c.id for c in (await stripe_client.customers.list_async({"email": "a@example.com"})).data] == [mine.id]
    await stripe_client.customers.update_async(mine.id, {"email": "c@example.com"})
    assert (await stripe_client.customers.list_async({"email": "a@example.com"})).data == []
    assert [c.id for c in (await stripe_client.customers.list_async({"email": "c@example.com"})).data] == [mine.id]
    assert (await stripe_client.customers.list_async({"created": {"gte": later - 60}})).data == []
    assert len((await stripe_client.customers.list_async({"created": {"lt": later - 60}})).data) == 2


async def test_expansion_goes_through_lists_and_objects(seller: Seller, stripe_client: V1Services) -> None:
    await seller.paid_in()

    intents = await stripe_client.payment_intents.list_async(
        {"expand": ["data.latest_charge.balance_transaction", "data.payment_method"]}
    )

    charge = intents.data[0].latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert isinstance(intents.data[0].payment_method, stripe.PaymentMethod)
    again = await stripe_client.payment_intents.retrieve_async(intents.data[0].id)
    assert isinstance(again.latest_charge, str)


@pytest.mark.parametrize(
    "path",
    ["nothing", "data.customer", "metadata", "latest_charge.colour", "latest_charge.refunds.data.amount", ""],
)
async def test_a_wrong_expansion_is_refused_before_anything_is_done(
    seller: Seller, http: httpx.AsyncClient, path: str
) -> None:
    headers = {"Idempotency-Key": "k"}
    refused = await http.post("/v1/payment_intents", data=GOOD | {"expand[]": path}, headers=headers)

    assert (refused.status_code, _error(refused)["type"]) == (400, "invalid_request_error")
    assert (await http.get("/v1/payment_intents")).json()["data"] == []
    assert (await http.post("/v1/payment_intents", data=GOOD, headers=headers)).status_code == 200


async def test_a_list_is_expanded_through_its_data_only_and_four_levels_deep(
    seller: Seller, http: httpx.AsyncClient
) -> None:
    deep = "latest_charge.balance_transaction.source.payment_intent"

    assert (await http.get("/v1/payment_intents", params={"expand[]": "customer"})).status_code == 400
    assert (await http.get("/v1/payment_intents", params={"expand[]": f"data.{deep}"})).status_code == 200
    assert (await http.get("/v1/payment_intents", params={"expand[]": f"data.{deep}.customer"})).status_code == 400


async def test_expanded_objects_are_shown_as_they_are_elsewhere(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient
) -> None:
    account = await seller.funded()
    customer = await stripe_client.customers.create_async({"name": "A"})
    form = GOOD | {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": "true", "return_url": "x"}
    intent = (await http.post("/v1/payment_intents", data=form)).json()
    refund = await stripe_client.refunds.create_async({"payment_intent": intent["id"], "amount": 100})
    await stripe_client.customers.delete_async(customer.id)

    paths = {"expand[0]": "customer", "expand[1]": "latest_charge.refunds"}
    seen = (await http.get(f"/v1/payment_intents/{intent['id']}", params=paths)).json()
    transfers = (await http.get("/v1/transfers", params={"expand[]": "data.destination"})).json()

    assert seen["customer"] == {"id": customer.id, "object": "customer", "deleted": True}
    assert [one["id"] for one in seen["latest_charge"]["refunds"]["data"]] == [refund.id]
    assert transfers["data"][0]["destination"] == (await http.get(f"/v1/accounts/{account}")).json()


async def test_metadata_is_merged_and_emptied(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"metadata": {"a": "1", "b": "2"}})

    changed = await stripe_client.customers.update_async(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    emptied = await stripe_client.customers.update_async(customer.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}


async def test_answers_carry_stripes_headers(seller: Seller, http: httpx.AsyncClient) -> None:
    account = await seller.connected()

    answer = await http.get("/v1/balance", headers={"Stripe-Version": "2024-06-20", "Stripe-Account": account})

    assert answer.headers["request-id"].startswith("req_")
    assert (answer.headers["stripe-version"], answer.headers["stripe-account"]) == ("2024-06-20", account)


@pytest.mark.parametrize("version", ["yesterday", "2026-10-28.Endive!", "1999-01-01"])
async def test_a_version_that_is_none_is_refused(seller: Seller, http: httpx.AsyncClient, version: str) -> None:
    answer = await http.get("/v1/balance", headers={"Stripe-Version": version})

    assert (answer.status_code, _error(answer)["type"]) == (400, "invalid_request_error")


async def test_a_body_that_is_no_form_is_refused(seller: Seller, http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/customers", json={"name": "A"})

    assert answer.status_code == 400
    assert "application/x-www-form-urlencoded" in _error(answer)["message"]


async def test_an_error_says_where_its_request_can_be_looked_at(seller: Seller, http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/charges/ch_1")

    error = _error(answer)
    seen = (await http.get(error["request_log_url"])).json()
    assert error["doc_url"].endswith("/resource-missing")
    assert (seen["request_id"], seen["path"]) == (answer.headers["request-id"], "/v1/charges/ch_1")
    assert (await http.get("/_sandbox/calls/req_nobody")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "customers"),
        ("GET", "balance"),
        ("GET", "payment_intents"),
        ("POST", "refunds"),
        ("GET", "events"),
    ],
)
async def test_a_publishable_key_may_do_only_what_a_browser_does(
    seller: Seller, http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, f"/v1/{path}", headers={"Authorization": "Bearer pk_test_1"})

    assert (answer.status_code, _error(answer)["code"]) == (403, "secret_key_required")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "customers"), ("PUT", "customers"), ("DELETE", "payment_intents/pi_1"), ("POST", "balance")],
)
async def test_a_method_that_a_path_does_not_have_is_an_unknown_request(
    seller: Seller, http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, f"/v1/{path}")

    assert (answer.status_code, _error(answer)["type"]) == (404, "invalid_request_error")
    assert f"{method}: /v1/{path}" in _error(answer)["message"]


async def test_the_second_interface_of_stripe_is_not_simulated_and_says_so(
    seller: Seller, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/v2/core/accounts")

    assert (answer.status_code, _error(answer)["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"starting_after": "cus_nobody"}, "starting_after"),
        ({"ending_before": "cus_nobody"}, "ending_before"),
        ({"colour": "red"}, "colour"),
        ({"created[around]": "5"}, "created[around]"),
    ],
)
async def test_wrong_paging_is_refused(
    seller: Seller, http: httpx.AsyncClient, query: dict[str, str], param: str
) -> None:
    answer = await http.get("/v1/customers", params=query)

    assert (answer.status_code, _error(answer)["param"]) == (400, param)


def test_an_idle_connection_is_closed_by_the_client_and_not_by_the_sandbox() -> None:
    client_seconds = httpx.Limits().keepalive_expiry
    with bind("127.0.0.1", 0) as listener:
        server = server_for(Sandbox(), listener, lambda: None)

    assert client_seconds is not None
    assert server.config.timeout_keep_alive > 2 * client_seconds


async def test_a_deleted_customer_is_a_tombstone(seller: Seller, stripe_client: V1Services) -> None:
    customer = await stripe_client.customers.create_async({"name": "A"})
    await stripe_client.customers.delete_async(customer.id)

    assert (await stripe_client.customers.retrieve_async(customer.id)).deleted is True
    assert (await stripe_client.customers.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.payment_intents.create_async(
            {"amount": 500, "currency": "usd", "customer": customer.id}
        )
