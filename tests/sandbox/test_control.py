"""The control interface: what it refuses, and what a reset leaves."""

import httpx
import pytest

from stripe_sandbox.control import Refused

from .conftest import Seller
from .receiver import Receiver


async def test_it_says_what_is_missing_wrong_or_not_there(seller: Seller, http: httpx.AsyncClient) -> None:
    async def ask(path: str, body: object) -> tuple[int, str]:
        answer = await http.post(f"/_sandbox/{path}", json=body)
        return answer.status_code, answer.json()["error"]

    assert await ask("clock/advance", {}) == (400, "Missing: 'seconds'")
    assert (await ask("clock/advance", {"seconds": -1}))[0] == 400
    assert (await ask("clock/advance", {"seconds": 1e18}))[0] == 400
    assert (await ask("clock/advance", "soon"))[0] == 400
    assert await ask("deliveries/release", "all") == (400, "The body must be a JSON object.")
    assert (await ask("deliveries/release", {"delivery": "dlv_1"}))[0] == 404
    assert (await ask("deliveries/mode", {"mode": "maybe"}))[0] == 400
    assert (await ask("dashboard/refund", {"charge": "ch_1"}))[0] == 404
    assert (await ask("dashboard/refund", {"charge": ["ch_1"]}))[0] == 400
    assert (await ask("dashboard/refund", {}))[0] == 400
    assert (await ask("dashboard/explode", {"charge": "ch_1"}))[0] == 404


async def test_what_the_state_of_things_does_not_allow_is_refused(seller: Seller) -> None:
    intent = await seller.paid_in()
    with pytest.raises(Refused, match="does not wait for authentication"):
        await seller.control.authenticate(intent.id, succeed=True)
    account = await seller.funded()
    payout = await seller.client(account=account).payouts.create_async({"amount": 100, "currency": "usd"})
    await seller.control.fail_payout(payout.id)
    with pytest.raises(Refused, match="is over already"):
        await seller.control.fail_payout(payout.id)


async def test_time_moves_by_what_was_asked_and_things_happen_on_the_way(seller: Seller) -> None:
    before = await seller.control.now()
    account = await seller.funded()
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 100, "currency": "usd"})

    after = await seller.control.advance(days=30)

    assert 30 * 86_400 <= after - before < 30 * 86_400 + 60
    [paid] = (await theirs.events.list_async({"type": "payout.paid"})).data
    assert paid.created == payout.arrival_date


async def test_a_reset_leaves_the_endpoints_and_nothing_else(seller: Seller, platform_events: Receiver) -> None:
    await seller.funded()
    await seller.control.advance(days=3)
    await seller.control.reset()

    books = await seller.control.books()
    assert (books["accounts"], books["balanced"]) == ([], True)
    assert len(await seller.control.webhook_endpoints()) == 1
    assert await seller.control.calls() == []
    assert (await seller.client().events.list_async()).data == []
    platform_events.received.clear()
    await seller.client().customers.create_async({"name": "A"})
    await seller.control.drain()
    assert platform_events.types() == ["customer.created"]


async def test_every_balance_in_the_books_is_what_the_api_says(seller: Seller) -> None:
    account = await seller.funded(8_000)
    await seller.client(account=account).payouts.create_async({"amount": 3_000, "currency": "usd"})
    await seller.paid_in(10_000, "pm_card_visa")

    ours, theirs = (await seller.control.books())["accounts"]

    assert (ours["available"], ours["pending"], ours["in_transit"]) == (19_390 - 8_000, 9_680, 0)
    assert (theirs["account"], theirs["available"], theirs["in_transit"]) == (account, 5_000, 3_000)
    shown = await seller.client(account=account).balance.retrieve_async()
    assert (shown.available[0].amount, shown.pending[0].amount) == (5_000, 0)
