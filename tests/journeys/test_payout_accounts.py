"""Payout accounts over HTTP: opened once, watched by events and looks, lost, their bank account changed."""

from typing import Any
from uuid import UUID

import pytest

from jobsphere.database import reading
from jobsphere.identity.people import Role
from jobsphere.payout_accounts import store, watch
from tests.conftest import Databases
from tests.journeys.conftest import JobSphere, Person, running, settings_for_tests

PASSWORD = "correct horse battery"


async def contractor_with_password(jobsphere: JobSphere) -> Person:
    """Somebody who registered, and so has a password."""
    email = f"{jobsphere.clock.now().timestamp()}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Somebody", "role": "contractor"}
    registered = await jobsphere.http.post("/api/auth/register", json=body)
    signed_in = await jobsphere.http.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    user_id = UUID(registered.json()["data"]["user"]["id"])
    return Person(user_id, jobsphere.http, signed_in.json()["data"]["token"])


async def account_at_stripe(jobsphere: JobSphere, account_id: str) -> Any:
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    answer = await jobsphere.http.get(f"{jobsphere.sandbox_url}/v1/accounts/{account_id}", headers=headers)
    return answer.json()


async def status(person: Person) -> Any:
    return await person.data("/api/wallet/connect/status")


async def told(person: Person) -> list[str]:
    notices = (await person.data("/api/notifications"))["notifications"]
    return [notice["title"] for notice in notices if notice["type"] in ("account_updated", "bank_account_changed")]


async def until_state(jobsphere: JobSphere, account_id: str, state: str) -> None:
    """Wait until what we know without asking is that state."""

    async def known() -> bool:
        async with reading(jobsphere.engine) as connection:
            found = await store.find(connection, account_id)
        return found is not None and found.state == state

    await jobsphere.until(f"the account is {state}", known)


async def test_the_account_is_made_as_it_must_be(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    assert (await status(contractor))["state"] == "not_opened"
    account_id = (await contractor.done("/api/wallet/connect", {"country": "US"}))["accountId"]

    made = await account_at_stripe(jobsphere, account_id)
    assert (made["type"], made["country"]) == ("express", "US")
    assert made["settings"]["payouts"]["schedule"]["interval"] == "manual"
    assert made["capabilities"] == {"transfers": "inactive"}
    assert made["metadata"] == {"user_id": str(contractor.id)}
    assert made["tos_acceptance"]["service_agreement"] == "full"
    now = await status(contractor)
    assert (now["state"], now["nextStep"], now["onboarded"]) == ("incomplete", "continue_at_stripe", False)


@pytest.mark.parametrize(
    ("outcome", "state", "next_step"),
    [
        ("complete", "ready", "none"),
        ("pending", "being_checked", "wait"),
        ("restricted", "action_needed", "continue_at_stripe"),
        ("rejected", "stopped", "contact_support"),
    ],
)
async def test_what_stripe_makes_of_the_form_is_told_by_events_alone(
    jobsphere: JobSphere, outcome: Any, state: str, next_step: str
) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = (await contractor.done("/api/wallet/connect"))["accountId"]
    await jobsphere.sandbox.onboard(account_id, outcome)
    await until_state(jobsphere, account_id, state)
    assert (await status(contractor))["nextStep"] == next_step


async def test_a_country_whose_accounts_are_kept_in_another_currency_is_refused_and_another_may_be_chosen(
    jobsphere: JobSphere,
) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    for _ in range(2):
        refused = await contractor.post("/api/wallet/connect", {"country": "GB"})
        assert (refused.status_code, refused.json()["code"]) == (422, "account_in_other_currency")
        assert "gbp" in refused.json()["detail"]
    assert (await status(contractor))["state"] == "not_opened"
    assert (await contractor.done("/api/wallet/connect", {"country": "US"}))["accountId"]


async def test_across_the_region_the_account_is_opened_as_a_recipients(
    databases: Databases, database: str
) -> None:
    settings = settings_for_tests(platform_country="US", payment_currency="jpy")
    async with running(databases.url(database), settings) as jobsphere:
        contractor = await contractor_with_password(jobsphere)
        account_id = (await contractor.done("/api/wallet/connect", {"country": "JP"}))["accountId"]
        made = await account_at_stripe(jobsphere, account_id)
    assert made["tos_acceptance"]["service_agreement"] == "recipient"


async def test_a_lost_account_stops_withdrawals_and_never_earning(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    account_id = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]

    await jobsphere.sandbox.deauthorize(account_id)
    await until_state(jobsphere, account_id, "disconnected")

    refused = await contractor.post("/api/wallet/withdraw", {"amount": 80})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_onboarded")
    assert (await told(contractor))[0] == "Payout account disconnected"
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, "105")
    job = (await customer.done("/api/jobs", {"title": "Paint", "description": "More."}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": "100"}
    offer = (await customer.done("/api/offers", body))["offer"]
    await contractor.done(f"/api/offers/{offer['id']}/accept")
    await customer.done(f"/api/jobs/{job['id']}/complete")
    assert await contractor.wallet() == ("160.00", "0.00")


async def test_in_place_of_a_disconnected_account_another_is_opened(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    first = (await contractor.data("/api/wallet"))["stripeConnectAccountId"]
    await jobsphere.sandbox.set_delivery_mode("drop")
    await jobsphere.sandbox.deauthorize(first)
    # No event came; the next look finds out.
    assert (await status(contractor))["state"] == "disconnected"

    second = (await contractor.done("/api/wallet/connect"))["accountId"]

    assert second != first
    await jobsphere.sandbox.onboard(second)
    assert (await status(contractor))["state"] == "ready"
    assert (await contractor.post("/api/wallet/withdraw", {"amount": 80})).is_success


async def test_another_bank_account_is_announced_and_shown_with_the_time_it_holds(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = await jobsphere.onboarded(contractor)
    before = await status(contractor)
    assert (before["bankAccount"]["last4"], before["withdrawalsHeldUntil"]) == ("6789", None)

    await jobsphere.sandbox.change_bank(account_id, "000999999991")

    async def announced() -> bool:
        return "Bank account changed" in await told(contractor)

    await jobsphere.until("the change is announced", announced)
    after = await status(contractor)
    assert after["bankAccount"]["last4"] == "9991"
    assert after["withdrawalsHeldUntil"] is not None
    assert (await told(contractor)).count("Bank account changed") == 1


async def test_a_change_that_no_event_told_is_seen_at_the_next_look(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = await jobsphere.onboarded(contractor)
    await jobsphere.sandbox.set_delivery_mode("drop")
    await jobsphere.sandbox.remove_bank(account_id)
    assert (await status(contractor))["state"] == "bank_account_missing"
    await jobsphere.sandbox.change_bank(account_id, "000999999991")
    assert (await status(contractor))["withdrawalsHeldUntil"] is not None
    assert set((await told(contractor))[:2]) == {"Bank account changed", "Payout account ready"}


async def test_links_to_where_the_bank_account_is_changed_ask_for_the_password(jobsphere: JobSphere) -> None:
    contractor = await contractor_with_password(jobsphere)
    not_yet = await contractor.post("/api/wallet/connect/dashboard", {"password": PASSWORD})
    assert (not_yet.status_code, not_yet.json()["code"]) == (409, "no_dashboard_yet")
    await jobsphere.onboarded(contractor)

    async def answered(path: str, **body: str) -> tuple[int, str | None]:
        answer = await contractor.post(path, body)
        return answer.status_code, answer.json().get("code")

    assert await answered("/api/wallet/connect") == (403, "password_needed")
    assert await answered("/api/wallet/connect", password="not this") == (403, "wrong_password")
    assert await answered("/api/wallet/connect", password=PASSWORD) == (200, None)
    assert await answered("/api/wallet/connect/dashboard") == (422, "invalid_request")
    assert await answered("/api/wallet/connect/dashboard", password="not this") == (403, "wrong_password")
    assert await answered("/api/wallet/connect/dashboard", password=PASSWORD) == (200, None)


async def test_an_answer_older_than_what_is_known_changes_nothing(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = (await contractor.done("/api/wallet/connect"))["accountId"]
    await jobsphere.sandbox.set_delivery_mode("drop")
    old_at, old = jobsphere.clock.now(), await watch.look(jobsphere.gateway, account_id)
    await jobsphere.sandbox.onboard(account_id)
    assert (await status(contractor))["state"] == "ready"

    kept = await watch._store_answer(jobsphere.engine, account_id, old, old_at)

    assert kept is not None
    assert kept.state == "ready"
    assert (await contractor.data("/api/wallet"))["stripeConnectOnboarded"]


async def test_when_stripe_does_not_answer_the_last_answer_is_shown_with_its_time(jobsphere: JobSphere) -> None:
    contractor = await jobsphere.person(Role.CONTRACTOR)
    account_id = await jobsphere.onboarded(contractor)
    before = await status(contractor)
    await jobsphere.sandbox.plan_faults(
        {"match": f"GET /v1/accounts/{account_id}", "kind": "error_before", "times": 99}
    )

    answer = await contractor.get("/api/wallet/connect/status")

    assert answer.json()["message"].startswith("Stripe does not answer")
    assert answer.json()["data"] == before


async def test_an_account_of_somebody_else_is_not_kept(jobsphere: JobSphere) -> None:
    assert await watch._store_answer(jobsphere.engine, "acct_of_nobody", None, jobsphere.clock.now()) is None


@pytest.mark.parametrize("page", ["success", "refresh", "failure"])
async def test_the_pages_escape_what_they_show_and_load_nothing(
    databases: Databases, database: str, page: str
) -> None:
    settings = settings_for_tests(platform_name="<script>alert(1)</script>", platform_email="a&b@example.com")
    async with running(databases.url(database), settings) as jobsphere:
        answer = await jobsphere.http.get(f"/connect/{page}")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "a&amp;b@example.com" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
