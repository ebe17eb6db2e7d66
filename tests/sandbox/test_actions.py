"""What can be done by hand: each action, what it changes, the events it causes and what it refuses."""

import httpx
import pytest
import stripe

from stripe_sandbox.connect.requirements import DISABLED_REASONS
from stripe_sandbox.control import Refused
from stripe_sandbox.dashboard.actions import ACTIONS

from .conftest import Seller
from .receiver import Receiver


async def _transferred(seller: Seller, account: str) -> str:
    """The id of the newest transfer to an account."""
    return (await seller.client().transfers.list_async({"destination": account})).data[0].id


async def test_a_refund_by_hand_has_no_request_behind_its_events(
    seller: Seller, platform_events: Receiver
) -> None:
    intent = await seller.paid_in(2_000)
    await seller.control.dashboard_refund(str(intent.latest_charge), 500)
    await seller.control.drain()

    refunded = next(event for event in platform_events.events() if event["type"] == "charge.refunded")
    assert refunded["request"] == {"id": None, "idempotency_key": None}
    assert refunded["data"]["object"]["amount_refunded"] == 500


@pytest.mark.parametrize("covered", [True, False])
async def test_a_refund_that_fails_by_hand_brings_back_what_had_left(seller: Seller, covered: bool) -> None:
    if covered:
        await seller.paid_in(10_000)
    before = (await seller.client().balance.retrieve_async()).available[0].amount
    intent = await seller.paid_in(2_000)
    refund = await seller.client().refunds.create_async({"payment_intent": intent.id})
    assert refund.status == ("succeeded" if covered else "pending")

    assert (await seller.control.fail_refund(refund.id))["status"] == "failed"

    await seller.control.advance(days=1)
    balance = await seller.client().balance.retrieve_async()
    assert balance.available[0].amount == before + 2_000 - 88
    with pytest.raises(Refused, match="over already"):
        await seller.control.fail_refund(refund.id)


async def test_a_deauthorized_account_is_gone_for_the_platform(seller: Seller, connect_events: Receiver) -> None:
    account = await seller.funded()
    other = await seller.connected()
    await seller.control.deauthorize(account)
    await seller.control.drain()

    told = connect_events.events()[-1]
    assert (told["type"], told["account"]) == ("account.application.deauthorized", account)
    assert told["data"]["object"]["object"] == "application"
    theirs = seller.client(account=account)
    for request in (
        theirs.balance.retrieve_async(),
        theirs.payouts.create_async({"amount": 100, "currency": "usd"}),
        seller.client().accounts.retrieve_async(account),
    ):
        with pytest.raises(stripe.PermissionError):
            await request
    with pytest.raises(stripe.InvalidRequestError):
        await seller.client().transfers.create_async({"amount": 100, "currency": "usd", "destination": account})
    assert [known.id for known in (await seller.client().accounts.list_async()).data] == [other]
    with pytest.raises(Refused, match="not connected"):
        await seller.control.deauthorize(account)


async def test_a_deauthorized_account_tells_nothing_any_more(seller: Seller, connect_events: Receiver) -> None:
    account = await seller.funded()
    await seller.client(account=account).payouts.create_async({"amount": 100, "currency": "usd"})
    await seller.control.deauthorize(account)
    await seller.control.drain()
    so_far = len(connect_events.received)

    await seller.control.advance(days=3)

    assert len(connect_events.received) == so_far


@pytest.mark.parametrize("may_receive", [True, False])
@pytest.mark.parametrize("reason", DISABLED_REASONS)
async def test_a_restriction_stops_payouts_until_it_is_lifted(
    seller: Seller, connect_events: Receiver, reason: str, may_receive: bool
) -> None:
    account = await seller.funded()
    await seller.control.restrict(account, reason, may_receive=may_receive)

    seen = await seller.client().accounts.retrieve_async(account)
    assert seen.requirements is not None
    assert seen.capabilities is not None
    assert (seen.payouts_enabled, seen.requirements.disabled_reason) == (False, reason)
    assert (seen.capabilities.transfers == "active") is may_receive
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await seller.client(account=account).payouts.create_async({"amount": 100, "currency": "usd"})
    assert refused.value.code == "payouts_not_allowed"

    await seller.control.lift_restriction(account)
    await seller.client(account=account).payouts.create_async({"amount": 100, "currency": "usd"})
    await seller.control.drain()
    updates = [event for event in connect_events.events() if event["type"] == "account.updated"][-2:]
    assert [event["data"]["previous_attributes"]["payouts_enabled"] for event in updates] == [True, False]


async def test_what_the_owner_owes_is_paid_by_completing_onboarding_and_nothing_else_is(seller: Seller) -> None:
    account = await seller.connected()
    for reason, enabled in (("requirements.past_due", True), ("rejected.fraud", False)):
        await seller.control.restrict(account, reason)
        await seller.control.onboard(account)
        assert (await seller.client().accounts.retrieve_async(account)).payouts_enabled is enabled


async def test_the_platform_itself_cannot_be_restricted_or_disconnected(seller: Seller) -> None:
    platform = (await seller.client().accounts.retrieve_current_async()).id
    with pytest.raises(Refused, match="the platform's own"):
        await seller.control.restrict(platform)
    with pytest.raises(Refused, match="the platform's own"):
        await seller.control.deauthorize(platform)


async def test_the_owner_changes_the_bank_account_and_payouts_follow(
    seller: Seller, connect_events: Receiver
) -> None:
    account = await seller.funded()
    bank = await seller.control.change_bank(account, "000111111116")
    await seller.control.drain()

    assert "account.external_account.created" in connect_events.types()
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 100, "currency": "usd"})
    assert payout.destination == bank["id"]
    await seller.control.advance(days=3)
    assert (await theirs.payouts.retrieve_async(payout.id)).failure_code == "no_account"


async def test_the_owner_removes_bank_accounts_until_payouts_stop(
    seller: Seller, connect_events: Receiver
) -> None:
    account = await seller.funded()
    theirs = seller.client(account=account)
    newest = await seller.control.change_bank(account)

    removed = await seller.control.remove_bank(account)
    assert removed["id"] == newest["id"]
    await theirs.payouts.create_async({"amount": 100, "currency": "usd"})
    await seller.control.remove_bank(account)

    seen = await seller.client().accounts.retrieve_async(account)
    assert seen.requirements is not None
    assert (seen.payouts_enabled, seen.requirements.currently_due) == (False, ["external_account"])
    await seller.control.drain()
    assert connect_events.types().count("account.external_account.deleted") == 2
    with pytest.raises(Refused, match="no such bank account"):
        await seller.control.remove_bank(account)


async def test_an_automatic_schedule_sweeps_the_platforms_balance(
    seller: Seller, platform_events: Receiver
) -> None:
    await seller.paid_in(10_000)
    await seller.control.set_payout_schedule("daily")
    await seller.control.advance(days=1)

    [payout] = (await seller.client().payouts.list_async()).data
    assert (payout.amount, payout.automatic, payout.status) == (9_680, True, "pending")
    created = next(event for event in platform_events.events() if event["type"] == "payout.created")
    assert "account" not in created

    await seller.control.set_payout_schedule("manual")
    await seller.paid_in(10_000)
    await seller.control.advance(days=5)
    assert len((await seller.client().payouts.list_async()).data) == 1
    await seller.control.set_payout_schedule("weekly")
    await seller.control.advance(days=1)
    assert len((await seller.client().payouts.list_async()).data) == 2


async def test_an_automatic_payout_says_what_it_paid_out(seller: Seller) -> None:
    account = await seller.funded(700)
    client, platform = seller.client(account=account), seller.client()
    for amount in (800, 900):
        await platform.transfers.create_async({"amount": amount, "currency": "usd", "destination": account})
    by_hand = await client.payouts.create_async({"amount": 400, "currency": "usd"})
    await seller.control.set_payout_schedule("daily", account=account)
    await seller.control.advance(days=1)
    await platform.transfers.create_async({"amount": 50, "currency": "usd", "destination": account})
    await seller.control.advance(days=1)

    second, first = (await client.payouts.list_async({"limit": 2})).data
    for payout, paid_out in ((first, [-400, 700, 800, 900]), (second, [50])):
        lines = (await client.balance_transactions.list_async({"payout": payout.id})).data
        own = [line for line in lines if line.id == payout.balance_transaction]
        assert [line.net for line in own] == [-payout.amount]
        assert sorted(line.net for line in lines if line not in own) == paid_out
        assert sum(paid_out) == payout.amount
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.balance_transactions.list_async({"payout": by_hand.id})
    assert refused.value.param == "payout"


async def test_the_schedule_of_a_connected_account_can_be_set_as_well(
    seller: Seller, connect_events: Receiver
) -> None:
    account = await seller.funded(5_000)
    await seller.control.set_payout_schedule("daily", account=account)
    await seller.control.advance(days=1)

    [payout] = (await seller.client(account=account).payouts.list_async()).data
    assert (payout.amount, payout.automatic) == (5_000, True)
    updated = [event for event in connect_events.events() if event["type"] == "account.updated"][-1]
    assert updated["data"]["previous_attributes"]["settings"]["payouts"]["schedule"]["interval"] == "manual"


async def test_a_payout_is_cancelled_only_before_it_leaves(seller: Seller, connect_events: Receiver) -> None:
    account = await seller.funded(5_000)
    theirs = seller.client(account=account)
    first = await theirs.payouts.create_async({"amount": 5_000, "currency": "usd"})
    assert (await seller.control.cancel_payout(first.id))["status"] == "canceled"
    await seller.control.drain()
    assert connect_events.types()[-1] == "payout.canceled"

    second = await theirs.payouts.create_async({"amount": 5_000, "currency": "usd"})
    await seller.control.advance(hours=2)
    with pytest.raises(Refused, match="Only pending payouts"):
        await seller.control.cancel_payout(second.id)


async def test_a_payout_fails_once_even_after_it_was_paid(seller: Seller) -> None:
    account = await seller.funded(5_000)
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 5_000, "currency": "usd"})
    await seller.control.advance(days=3)
    assert (await theirs.payouts.retrieve_async(payout.id)).status == "paid"

    failed = await seller.control.fail_payout(payout.id, "no_account")

    assert (failed["status"], failed["failure_code"]) == ("failed", "no_account")
    assert (await theirs.balance.retrieve_async()).available[0].amount == 5_000
    with pytest.raises(Refused, match="over already"):
        await seller.control.fail_payout(payout.id)


async def test_a_transfer_is_reversed_in_parts_and_never_twice(seller: Seller, platform_events: Receiver) -> None:
    transfer = await _transferred(seller, await seller.funded(5_000))
    await seller.control.reverse_transfer(transfer, 2_000)
    await seller.control.reverse_transfer(transfer)

    assert (await seller.client().transfers.retrieve_async(transfer)).reversed
    with pytest.raises(Refused, match="already fully reversed"):
        await seller.control.reverse_transfer(transfer)
    await seller.control.drain()
    assert platform_events.types().count("transfer.reversed") == 2


async def test_authentication_is_passed_or_failed_once(seller: Seller) -> None:
    intent = await seller.paid_in(5_000, "pm_card_authenticationRequired")
    passed = await seller.control.authenticate(intent.id, succeed=True)
    assert passed["status"] == "succeeded"
    with pytest.raises(Refused, match="does not wait for authentication"):
        await seller.control.authenticate(intent.id, succeed=True)


@pytest.mark.parametrize("name", ACTIONS)
async def test_every_action_refuses_options_it_does_not_have(http: httpx.AsyncClient, name: str) -> None:
    """A misspelt option must not be ignored: the test that gave it would test something else."""
    action = ACTIONS[name]
    some = await http.post("/_sandbox/dashboard/" + name, json={action.kind: "none_such", "colour": "red"})
    assert (some.status_code, some.json()) == (404, {"error": f"There is no {action.kind} none_such."})


async def test_options_are_checked_before_anything_is_done(seller: Seller, http: httpx.AsyncClient) -> None:
    account = await seller.funded()
    intent = await seller.paid_in()

    async def refused(action: str, **body: object) -> str:
        answer = await http.post(f"/_sandbox/dashboard/{action}", json=body)
        assert answer.status_code == 400
        return str(answer.json()["error"])

    assert "no option colour" in await refused("restrict", account=account, colour="red")
    assert "must be one of" in await refused("restrict", account=account, disabled_reason="mood")
    assert "true or false" in await refused("restrict", account=account, may_receive=1)
    assert "must be one of" in await refused("change_bank", account=account, account_number="1")
    assert "must be one of" in await refused("payout_schedule", account=account, interval="hourly")
    for wrong in (0, -5, 1.5, True, "many", [1]):
        assert "amount" in await refused("refund", charge=intent.latest_charge, amount=wrong)
    assert (await seller.client().accounts.retrieve_async(account)).payouts_enabled
