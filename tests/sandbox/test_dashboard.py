"""The dashboard: what its pages show and what its forms do."""

import html
import json
import re
from typing import Any

import httpx
import pytest

from stripe_sandbox.dashboard.actions import ACTIONS
from stripe_sandbox.pages.board import DEEDS

from .conftest import Seller
from .receiver import Receiver

HOME = "/_sandbox/"
DO = "/_sandbox/pages/do"


async def _done(browser: httpx.AsyncClient, form: str, **fields: object) -> str:
    """Send a form; returns the page that it leads to."""
    answer = await browser.post(f"{DO}/{form}", data=fields)
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["location"])).text


def _forms(page: str) -> set[str]:
    """Where the forms of a page lead to."""
    return set(re.findall(r'<form method="post" action="([^"]*)"', page))


async def test_the_root_leads_to_the_overview(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/", follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, HOME)


async def test_the_overview_shows_time_money_deliveries_faults_objects_and_events(
    seller: Seller, browser: httpx.AsyncClient, platform_events: Receiver
) -> None:
    account = await seller.funded(8_000)
    await seller.control.plan_faults({"kind": "drop_after", "match": "POST /v1/refunds"})
    await seller.control.drain()

    page = (await browser.get(HOME)).text

    for part in (account, "80.00 USD", "113.90 USD", "balanced", "transfer.created", "delivered", "drop_after"):
        assert part in page
    assert '<a href="/_sandbox/pages/list/payment_intent">payment_intent</a> 1' in page


@pytest.mark.parametrize("where", ["list/customer", "object/{id}", "list/event"])
async def test_what_others_wrote_is_text_and_never_html(
    seller: Seller, browser: httpx.AsyncClient, where: str
) -> None:
    evil = "<script>alert('\"&"
    customer = await seller.client().customers.create_async(
        {"name": evil, "email": evil, "description": evil, "metadata": {evil: evil}}
    )
    page = (await browser.get("/_sandbox/pages/" + where.format(id=customer.id))).text

    assert "<script" not in page
    if where != "list/event":
        assert "&lt;script&gt;alert(" in page


async def test_pages_need_nothing_from_elsewhere(seller: Seller, browser: httpx.AsyncClient) -> None:
    account = await seller.funded()
    for path in (HOME, "/_sandbox/pages/list/charge", f"/_sandbox/pages/object/{account}"):
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert not re.findall(r"(?:src|href)=\"(?!/_sandbox/)|<script|<link|<img", answer.text)


async def test_an_object_shows_its_fields_its_events_and_the_way_to_others(
    seller: Seller, browser: httpx.AsyncClient
) -> None:
    intent = await seller.paid_in(5_000)
    charge = str(intent.latest_charge)

    page = (await browser.get(f"/_sandbox/pages/object/{charge}")).text

    for part in ("50.00 USD", "succeeded", "charge.updated", f'href="/_sandbox/pages/object/{intent.id}"'):
        assert part in page
    assert "_sequence" not in page


async def test_lists_go_on_with_older_objects(seller: Seller, browser: httpx.AsyncClient) -> None:
    names = [f"number {number:02}" for number in range(60)]
    for name in names:
        await seller.client().customers.create_async({"name": name, "description": name})

    first = (await browser.get("/_sandbox/pages/list/customer")).text
    assert [name for name in names if name in first] == names[10:]
    second = (await browser.get("/_sandbox/pages/list/customer?skip=50")).text
    assert [name for name in names if name in second] == names[:10]
    assert ("Older" in first, "Older" in second) == (True, False)


@pytest.mark.parametrize("path", ["object/none_such", "object/sandbox_clock", "list/sandbox.answer"])
async def test_the_sandboxs_own_things_have_no_page(seller: Seller, browser: httpx.AsyncClient, path: str) -> None:
    await seller.control.advance(seconds=1)
    assert (await browser.get(f"/_sandbox/pages/{path}")).status_code == 404


async def _one_of_each(seller: Seller) -> dict[str, str]:
    """The id of one object of every kind to which something may be done."""
    client = seller.client()
    account = await seller.funded(8_000)
    payout = await seller.client(account=account).payouts.create_async({"amount": 100, "currency": "usd"})
    intent = await seller.paid_in(5_000)
    disputed = await seller.paid_in(5_000, "pm_card_createDispute")
    await seller.control.advance(hours=1)
    refund = await client.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    endpoint = await client.webhook_endpoints.create_async(
        {"url": "http://127.0.0.1:9/x", "enabled_events": ["customer.created"]}
    )
    return {
        "account": account,
        "charge": str(intent.latest_charge),
        "dispute": (await client.disputes.list_async({"payment_intent": disputed.id})).data[0].id,
        "payment_intent": intent.id,
        "payout": payout.id,
        "refund": refund.id,
        "transfer": (await client.transfers.list_async()).data[0].id,
        "webhook_endpoint": endpoint.id,
    }


async def test_every_action_has_its_form_at_its_kind_of_object(seller: Seller, browser: httpx.AsyncClient) -> None:
    ids = await _one_of_each(seller)
    for kind, identifier in ids.items():
        page = (await browser.get(f"/_sandbox/pages/object/{identifier}")).text
        actions = {name: action for name, action in ACTIONS.items() if action.kind == kind}
        assert {f"{DO}/action/{name}" for name in actions} <= _forms(page)
        fields = {option.name for action in actions.values() for option in action.options}
        assert all(f'name="{name}"' in page for name in fields)
    await seller.client().webhook_endpoints.delete_async(ids["webhook_endpoint"])


async def test_an_action_is_done_from_its_form_with_its_options(
    seller: Seller, browser: httpx.AsyncClient
) -> None:
    ids = await _one_of_each(seller)

    page = await _done(browser, "action/refund", id=ids["charge"], amount="1000")
    assert "&quot;amount_refunded&quot;: 1100" in page
    page = await _done(browser, "action/refund", id=ids["charge"], amount="")
    assert "&quot;refunded&quot;: true" in page
    page = await _done(
        browser, "action/restrict", id=ids["account"], disabled_reason="under_review", may_receive="true"
    )
    assert "under_review" in page
    await _done(browser, "action/fail_payout", id=ids["payout"], code="no_account")
    theirs = seller.client(account=ids["account"])
    assert (await theirs.payouts.retrieve_async(ids["payout"])).failure_code == "no_account"
    answer = await browser.post(f"{DO}/action/roll_secret", data={"id": ids["webhook_endpoint"]})
    assert "whsec_" in answer.text
    await seller.client().webhook_endpoints.delete_async(ids["webhook_endpoint"])


@pytest.mark.parametrize(
    ("form", "fields", "status", "message"),
    [
        ("action/refund", {"id": "{charge}", "amount": "999999"}, 400, "greater than what is left"),
        ("action/refund", {"id": "{charge}", "amount": "x"}, 400, "amount"),
        ("action/refund", {"id": "ch_none"}, 404, "no charge ch_none"),
        ("action/refund", {}, 400, "id"),
        ("action/explode", {"id": "{charge}"}, 404, "no action explode"),
        ("advance", {"seconds": "-1"}, 400, "only moves forward"),
        ("advance", {"seconds": "soon"}, 400, "soon"),
        ("mode", {"mode": "maybe"}, 400, "deliver, hold, drop"),
        ("add_fault", {"kind": "requests gremlins", "match": "*", "times": "1"}, 400, "error_before"),
        ("plan", {"plan": "{{"}, 400, "Expecting property name"),
        ("plan", {"plan": '{{"seeds": 1}}'}, 400, "there is no such field"),
        ("resend", {"id": "evt_none"}, 404, "no event evt_none"),
    ],
)
async def test_a_form_that_cannot_be_done_says_why(
    seller: Seller,
    browser: httpx.AsyncClient,
    form: str,
    fields: dict[str, str],
    status: int,
    message: str,
) -> None:
    charge = str((await seller.paid_in()).latest_charge)
    filled = {name: value.format(charge=charge) for name, value in fields.items()}

    answer = await browser.post(f"{DO}/{form}", data=filled)

    assert answer.status_code == status
    assert message in html.unescape(answer.text)
    assert (await seller.client().charges.retrieve_async(charge)).amount_refunded == 0


async def advance(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    before = await seller.control.now()
    await _done(browser, "advance", seconds=86_400)
    assert await seller.control.now() - before >= 86_400


async def mode(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await _done(browser, "mode", mode="drop")
    assert receiver.received == []
    await seller.client().customers.create_async({"name": "A"})
    assert (await seller.control.deliveries())[0]["state"] == "dropped"


async def _two_held(seller: Seller) -> None:
    await seller.control.set_delivery_mode("hold")
    for name in "AB":
        await seller.client().customers.create_async({"name": name})


async def release(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    for more in ({}, {"shuffled_by": "1"}):
        await _two_held(seller)
        await _done(browser, "release", **more)
        await seller.control.drain()
        assert len(receiver.received) == 2
        receiver.received.clear()


async def drop(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await _two_held(seller)
    await _done(browser, "drop")
    assert await seller.control.release() == 0


async def duplicate(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await _two_held(seller)
    await _done(browser, "duplicate")
    assert await seller.control.release() == 4


async def resend(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await seller.client().customers.create_async({"name": "A"})
    [event] = (await seller.client().events.list_async()).data
    assert "delivered" in await _done(browser, "resend", id=event.id)
    await seller.control.drain()
    assert len(receiver.received) == 2


async def _rules(seller: Seller) -> list[Any]:
    plan = await seller.control.faults()
    return [(rule["kind"], rule["match"], rule["times"]) for rule in (*plan["requests"], *plan["deliveries"])]


async def add_fault(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await _done(browser, "add_fault", kind="requests slow", match="GET /v1/balance", times=2)
    await _done(browser, "add_fault", kind="deliveries late", match="", times=1)
    assert await _rules(seller) == [("slow", "GET /v1/balance", 2), ("late", "*", 1)]


async def plan(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await _done(browser, "plan", plan=json.dumps({"seed": 3, "deliveries": {"drop": 0.5}}))
    assert await _rules(seller) == [("drop", "*", None)]
    page = (await browser.get(HOME)).text
    shown = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)[0]
    await _done(browser, "plan", plan=html.unescape(shown))
    assert await _rules(seller) == [("drop", "*", None)]


async def clear_faults(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await seller.control.plan_faults({"kind": "slow"})
    assert "Everything goes well" in await _done(browser, "clear_faults")
    assert await _rules(seller) == []


async def reset(seller: Seller, browser: httpx.AsyncClient, receiver: Receiver) -> None:
    await seller.paid_in()
    assert "No money yet" in await _done(browser, "reset")
    assert (await seller.client().payment_intents.list_async()).data == []


FORMS = {
    form.__name__: form
    for form in (
        *(advance, mode, release, drop, duplicate, resend),
        *(add_fault, plan, clear_faults, reset),
    )
}


def test_every_form_is_tested() -> None:
    assert set(FORMS) == set(DEEDS)


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_does_what_it_says(
    seller: Seller, browser: httpx.AsyncClient, platform_events: Receiver, name: str
) -> None:
    await FORMS[name](seller, browser, platform_events)
