"""The pages of owners and customers, and how the sandbox keeps the pages of other websites out."""

import httpx
import pytest
import stripe

from stripe_sandbox.testing import RunningSandbox

from .conftest import Seller

HOME = "/_sandbox/"
DO = "/_sandbox/pages/do"

WEBSITES = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},  # another port of this machine is another website
    {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", WEBSITES, ids=str)
@pytest.mark.parametrize("path", [f"{DO}/reset", "/_sandbox/reset", "/_sandbox/clock/advance", f"{DO}/advance"])
async def test_pages_of_other_websites_change_nothing(
    seller: Seller, running: RunningSandbox, path: str, headers: dict[str, str]
) -> None:
    await seller.paid_in()
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as website:
        answer = await website.post(path, headers=headers, content='{"seconds": 99}')

    assert answer.status_code == 403
    assert "other websites" in answer.json()["error"]
    assert len((await seller.client().payment_intents.list_async()).data) == 1


@pytest.mark.parametrize("headers", WEBSITES, ids=str)
async def test_pages_for_customers_and_owners_take_no_forms_of_other_websites(
    seller: Seller, running: RunningSandbox, headers: dict[str, str]
) -> None:
    intent = await seller.paid_in(5_000, "pm_card_authenticationRequired")
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as website:
        path = f"/_sandbox/pages/authentication/{intent.id}"
        answer = await website.post(path, headers=headers, data={"outcome": "complete"})

    assert answer.status_code == 403
    assert (await seller.client().payment_intents.retrieve_async(intent.id)).status == "requires_action"


@pytest.mark.parametrize("path", [HOME, "/_sandbox/books", "/"])
async def test_a_name_that_is_not_this_machines_is_not_answered(http: httpx.AsyncClient, path: str) -> None:
    """A website may let its own name lead to 127.0.0.1; the browser would take the sandbox for that website."""
    for host in ("evil.example", "127.0.0.1.evil.example", "[::1"):
        assert (await http.get(path, headers={"Host": host})).status_code == 403
    for host in ("localhost:1", "127.0.0.1", "[::1]:12111"):
        assert (await http.get(path, headers={"Host": host})).status_code in (200, 307)


async def test_programs_need_not_say_where_they_come_from(seller: Seller, http: httpx.AsyncClient) -> None:
    assert (await http.post("/_sandbox/reset")).status_code == 200


async def test_the_owner_sees_payouts_and_changes_the_bank_behind_a_login_link(
    seller: Seller, browser: httpx.AsyncClient
) -> None:
    account = await seller.funded(8_000)
    theirs = seller.client(account=account)
    payout = await theirs.payouts.create_async({"amount": 3_000, "currency": "usd"})
    link = await seller.client().accounts.login_links.create_async(account)

    page = (await browser.get(link.url)).text
    for part in ("50.00 USD", "30.00 USD", "pending", "•••• 6789"):
        assert part in page
    await browser.post(link.url, data={"account_number": "000111111116"})
    await browser.post(link.url, data={"account_number": "no test number"})

    assert "•••• 1116" in (await browser.get(link.url)).text
    later = await theirs.payouts.create_async({"amount": 1_000, "currency": "usd"})
    assert later.destination != payout.destination
    await seller.control.deauthorize(account)
    assert (await browser.get(link.url)).status_code == 404


@pytest.mark.parametrize("number", ["000111111116", ""])
async def test_the_owner_chooses_a_bank_account_when_onboarding(
    seller: Seller, browser: httpx.AsyncClient, number: str
) -> None:
    account = await seller.client().accounts.create_async(
        {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    )
    link = await seller.client().account_links.create_async(
        {
            "account": account.id,
            "type": "account_onboarding",
            "refresh_url": "https://example.com/again",
            "return_url": "https://example.com/back",
        }
    )
    page = (await browser.get(link.url)).text
    assert all(part in page for part in ("payouts fail: no_account", "external_account", account.id))

    await browser.post(link.url, data={"outcome": "complete", "account_number": number})

    banks = (await seller.client().accounts.external_accounts.list_async(account.id)).data
    assert [bank.last4 for bank in banks] == [(number or "000123456789")[-4:]]


@pytest.mark.parametrize(
    ("outcome", "status"), [("pending", "pending"), ("incomplete", "inactive"), ("nonsense", "inactive")]
)
async def test_onboarding_may_end_in_between(
    seller: Seller, browser: httpx.AsyncClient, outcome: str, status: str
) -> None:
    client = seller.client()
    account = await client.accounts.create_async(
        {"type": "express", "capabilities": {"transfers": {"requested": True}}}
    )
    link = await client.account_links.create_async(
        {
            "account": account.id,
            "type": "account_onboarding",
            "refresh_url": "https://example.com/again",
            "return_url": "https://example.com/back",
        }
    )
    await browser.post(link.url, data={"outcome": outcome})

    seen = await client.accounts.retrieve_async(account.id)
    assert seen.capabilities is not None
    assert seen.capabilities.transfers == status
    assert seen.details_submitted is (outcome != "nonsense")


async def test_the_bank_page_says_what_is_paid_and_sends_the_customer_back(
    seller: Seller, browser: httpx.AsyncClient
) -> None:
    intent = await seller.client().payment_intents.create_async(
        {
            "amount": 5_000,
            "currency": "jpy",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "https://example.com/back?from=bank",
        }
    )
    assert isinstance(intent.next_action, stripe.StripeObject)
    url = intent.next_action.redirect_to_url.url  # type: ignore[union-attr]
    assert url is not None

    assert "5,000 JPY" in (await browser.get(url)).text
    answer = await browser.post(url, data={"outcome": "complete"})

    assert answer.headers["location"].startswith(f"https://example.com/back?from=bank&payment_intent={intent.id}")
    assert (await browser.get(url)).status_code == 404
