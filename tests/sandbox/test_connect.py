"""Onboarding: what the flags of an account say at each stage, and the pages its owner sees."""

from typing import Literal

import httpx
import pytest
import stripe
from stripe._v1_services import V1Services
from stripe.params import BalanceSettingsUpdateParams

from .conftest import Seller
from .receiver import Receiver

BACK, AGAIN = "https://example.com/back", "https://example.com/again"


async def _new_account(client: V1Services) -> str:
    account = await client.accounts.create_async(
        {
            "controller": {
                "losses": {"payments": "application"},
                "fees": {"payer": "application"},
                "stripe_dashboard": {"type": "express"},
            },
            "capabilities": {"transfers": {"requested": True}},
        }
    )
    assert account.type == "express"
    return account.id


async def _link(client: V1Services, account: str) -> str:
    link = await client.account_links.create_async(
        {"account": account, "type": "account_onboarding", "refresh_url": AGAIN, "return_url": BACK}
    )
    assert link.expires_at - link.created == 300
    return link.url


@pytest.mark.parametrize(
    ("outcome", "submitted", "transfers", "payouts", "disabled_reason"),
    [
        ("complete", True, "active", True, None),
        ("pending", True, "pending", False, "requirements.pending_verification"),
        ("restricted", True, "inactive", False, "requirements.past_due"),
        ("rejected", True, "inactive", False, "rejected.other"),
    ],
)
async def test_each_outcome_of_onboarding_has_its_flags(
    seller: Seller,
    stripe_client: V1Services,
    outcome: Literal["complete", "pending", "restricted", "rejected"],
    submitted: bool,
    transfers: str,
    payouts: bool,
    disabled_reason: str | None,
) -> None:
    identifier = await _new_account(stripe_client)
    before = await stripe_client.accounts.retrieve_async(identifier)
    assert before.requirements is not None
    assert (before.details_submitted, before.requirements.disabled_reason) == (False, "requirements.past_due")

    await seller.control.onboard(identifier, outcome)

    account = await stripe_client.accounts.retrieve_async(identifier)
    assert account.capabilities is not None
    assert account.requirements is not None
    assert account.details_submitted is submitted
    assert account.capabilities.transfers == transfers
    assert account.payouts_enabled is payouts
    assert account.requirements.disabled_reason == disabled_reason


@pytest.mark.parametrize("outcome", ["pending", "restricted", "rejected"])
async def test_nothing_can_be_transferred_to_an_account_without_the_capability(
    seller: Seller, stripe_client: V1Services, outcome: Literal["pending", "restricted", "rejected"]
) -> None:
    await seller.paid_in()
    account = await _new_account(stripe_client)
    await seller.control.onboard(account, outcome)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stripe_client.transfers.create_async({"amount": 100, "currency": "usd", "destination": account})

    assert refused.value.code == "insufficient_capabilities_for_transfer"


async def test_the_owner_completes_onboarding_on_the_page_and_is_sent_back(
    stripe_client: V1Services, http: httpx.AsyncClient, connect_events: Receiver, seller: Seller
) -> None:
    account = await _new_account(stripe_client)
    url = await _link(stripe_client, account)

    page = await http.get(url)
    answer = await http.post(url, data={"outcome": "complete"})
    await seller.control.drain()

    assert all(label in page.text for label in ("Complete onboarding", "Leave it unfinished", "Be refused"))
    assert (answer.status_code, answer.headers["location"]) == (303, BACK)
    assert (await stripe_client.accounts.retrieve_async(account)).payouts_enabled
    updated = next(event for event in connect_events.events() if event["type"] == "account.updated")
    assert updated["account"] == account
    assert updated["data"]["previous_attributes"]["payouts_enabled"] is False


@pytest.mark.parametrize(("outcome", "submitted"), [("unfinished", False), ("refused", True)])
async def test_returning_does_not_mean_finished(
    stripe_client: V1Services, http: httpx.AsyncClient, outcome: str, submitted: bool
) -> None:
    account = await _new_account(stripe_client)

    answer = await http.post(await _link(stripe_client, account), data={"outcome": outcome})

    seen = await stripe_client.accounts.retrieve_async(account)
    assert answer.headers["location"] == BACK
    assert (seen.details_submitted, seen.payouts_enabled) == (submitted, False)


async def test_a_link_works_once_and_for_five_minutes(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient
) -> None:
    account = await _new_account(stripe_client)
    used, late = await _link(stripe_client, account), await _link(stripe_client, account)
    await http.post(used, data={"outcome": "unfinished"})
    await seller.control.advance(seconds=300)

    for url in (used, late):
        assert (await http.get(url)).headers["location"] == AGAIN
        assert (await http.post(url, data={"outcome": "complete"})).headers["location"] == AGAIN
    assert not (await stripe_client.accounts.retrieve_async(account)).details_submitted


async def test_the_dashboard_opens_only_after_onboarding(
    seller: Seller, stripe_client: V1Services, http: httpx.AsyncClient
) -> None:
    account = await _new_account(stripe_client)
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.accounts.login_links.create_async(account)
    await seller.control.onboard(account)

    link = await stripe_client.accounts.login_links.create_async(account)

    assert (await http.get(link.url)).status_code == 200


async def test_capabilities_and_settings_follow_what_is_requested(
    seller: Seller, stripe_client: V1Services
) -> None:
    account = await _new_account(stripe_client)
    await seller.control.onboard(account)
    await stripe_client.accounts.update_async(
        account,
        {"settings": {"payouts": {"schedule": {"interval": "manual"}}}, "metadata": {"user": "7"}},
    )
    await stripe_client.accounts.capabilities.update_async(account, "card_payments", {"requested": True})

    seen = await stripe_client.accounts.retrieve_async(account)
    capability = await stripe_client.accounts.capabilities.retrieve_async(account, "card_payments")

    assert seen.settings is not None
    assert seen.settings.payouts is not None
    assert (seen.settings.payouts.schedule.interval, capability.status) == ("manual", "active")
    assert seen.metadata is not None
    assert seen.metadata.to_dict() == {"user": "7"}


async def test_real_bank_numbers_are_refused_and_the_default_bank_stays(
    seller: Seller, stripe_client: V1Services
) -> None:
    account = await seller.connected()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stripe_client.accounts.external_accounts.create_async(
            account,
            {"external_account": {"object": "bank_account", "country": "US", "account_number": "1234567"}},
        )
    assert refused.value.code == "account_number_invalid"
    banks = await stripe_client.accounts.external_accounts.list_async(account)
    assert len(banks.data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.accounts.external_accounts.delete_async(account, banks.data[0].id)


async def test_without_a_manual_schedule_the_money_leaves_by_itself(
    seller: Seller, stripe_client: V1Services
) -> None:
    account = await _new_account(stripe_client)
    await seller.control.onboard(account)
    await seller.paid_in()
    await stripe_client.transfers.create_async({"amount": 700, "currency": "usd", "destination": account})

    await seller.control.advance(days=1)

    [payout] = (await seller.client(account=account).payouts.list_async()).data
    assert (payout.amount, payout.automatic) == (700, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await seller.client(account=account).payouts.create_async({"amount": 700, "currency": "usd"})
    assert refused.value.code == "balance_insufficient"


async def test_accounts_can_be_listed_rejected_and_deleted(seller: Seller, stripe_client: V1Services) -> None:
    first, second = await _new_account(stripe_client), await _new_account(stripe_client)
    rejected = await stripe_client.accounts.reject_async(first, {"reason": "fraud_other"})
    await stripe_client.accounts.delete_async(second)

    assert rejected.requirements is not None
    assert rejected.requirements.disabled_reason == "rejected.fraud"
    assert [account.id for account in (await stripe_client.accounts.list_async()).data] == [first]
    with pytest.raises(stripe.PermissionError) as gone:
        await stripe_client.accounts.retrieve_async(second)
    assert gone.value.http_status == 403


async def test_balance_settings_are_the_payout_settings_of_the_account(
    seller: Seller, stripe_client: V1Services, connect_events: Receiver
) -> None:
    account = await seller.connected()
    theirs = seller.client(account=account)
    assert (await theirs.balance_settings.retrieve_async()).payments.payouts.schedule.interval == "manual"  # type: ignore[union-attr]

    weekly: BalanceSettingsUpdateParams = {
        "payments": {
            "payouts": {"schedule": {"interval": "weekly", "weekly_payout_days": ["monday"]}},
            "settlement_timing": {"delay_days_override": 5},
        }
    }
    changed = await theirs.balance_settings.update_async(weekly)
    await theirs.balance_settings.update_async(weekly)
    await seller.control.drain()

    seen = (await stripe_client.accounts.retrieve_async(account)).to_dict()["settings"]["payouts"]["schedule"]
    assert changed.payments.payouts.schedule.weekly_payout_days == ["monday"]  # type: ignore[union-attr]
    assert (seen["interval"], seen["delay_days"], changed.payments.settlement_timing.delay_days) == (
        "weekly",
        5,
        5,
    )
    [told] = [event for event in connect_events.events() if event["type"] == "balance_settings.updated"]
    before = told["data"]["previous_attributes"]["payments"]
    assert (told["account"], before["payouts"]["schedule"]) == (account, {"interval": "manual"})


async def test_the_first_bank_stays_the_default_unless_another_is_made_it(
    seller: Seller, stripe_client: V1Services
) -> None:
    account = await seller.connected()
    banks = stripe_client.accounts.external_accounts

    second = await banks.create_async(account, {"external_account": "btok_us"})
    third = await banks.create_async(account, {"external_account": "btok_us", "default_for_currency": True})

    defaults = {bank.id: bank.default_for_currency for bank in (await banks.list_async(account)).data}
    assert (second.default_for_currency, defaults.pop(third.id), set(defaults.values())) == (False, True, {False})
    await banks.delete_async(account, second.id)
    assert second.id not in [bank.id for bank in (await banks.list_async(account)).data]


async def test_a_controller_says_what_the_platform_answers_for(stripe_client: V1Services) -> None:
    account = await stripe_client.accounts.create_async({"controller": {"stripe_dashboard": {"type": "none"}}})

    assert account.controller is not None
    assert account.controller.losses is not None
    assert account.controller.fees is not None
    assert (account.type, account.controller.losses.payments) == ("none", "stripe")
    assert account.controller.fees.payer == "account"


@pytest.mark.parametrize("country", ["USA", "U", "12"])
async def test_a_country_is_two_letters(stripe_client: V1Services, country: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stripe_client.accounts.create_async({"type": "express", "country": country})

    assert refused.value.param == "country"


async def test_an_express_account_has_no_links_to_update_it(stripe_client: V1Services) -> None:
    account = await _new_account(stripe_client)

    with pytest.raises(stripe.InvalidRequestError):
        await stripe_client.account_links.create_async(
            {"account": account, "type": "account_update", "refresh_url": AGAIN, "return_url": BACK}
        )
