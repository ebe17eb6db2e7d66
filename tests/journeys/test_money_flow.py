"""The whole money flow over HTTP, and what people see of it."""

from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import platform_fees, service_fees, stripe_paying_out
from tests.journeys.conftest import JobSphere


async def test_the_guides_example_to_the_cent(jobsphere: JobSphere) -> None:
    customer, contractor = await jobsphere.person(Role.CUSTOMER), await jobsphere.person(Role.CONTRACTOR)

    await jobsphere.deposited(customer, "200")
    assert await customer.wallet() == ("200.00", "0.00")

    job = (await customer.done("/api/jobs", {"title": "Paint", "description": "Green."}))["job"]
    body = {"jobId": job["id"], "contractorId": str(contractor.id), "amount": 100}
    offer = (await customer.done("/api/offers", body))["offer"]
    assert await customer.wallet() == ("95.00", "105.00")

    await contractor.done(f"/api/offers/{offer['id']}/accept")
    assert await customer.wallet() == ("95.00", "100.00")
    assert await jobsphere.balance_minor(platform_fees("usd")) == 500

    await customer.done(f"/api/jobs/{job['id']}/complete")
    assert await customer.wallet() == ("95.00", "0.00")
    assert await contractor.wallet() == ("80.00", "0.00")
    assert await jobsphere.balance_minor(service_fees("usd")) == 2000

    await jobsphere.onboarded(contractor)
    withdrawal = await contractor.done("/api/wallet/withdraw", {"amount": "80.00"})
    assert withdrawal["newBalance"] == "0.00"
    await jobsphere.withdrawal_in(contractor, withdrawal["withdrawalId"], "in_transit")
    await jobsphere.sandbox.advance(days=3)
    paid = await jobsphere.withdrawal_in(contractor, withdrawal["withdrawalId"], "paid")

    assert (paid["status"], paid["amount"]) == ("completed", "80.00")
    assert paid["transferId"].startswith("tr_")
    assert await jobsphere.card_money_minor() == 20000 - 8000
    assert await jobsphere.balance_minor(stripe_paying_out("usd")) == 0
    await jobsphere.books_hold()


async def test_the_wallet_shows_every_field_of_the_guide(jobsphere: JobSphere) -> None:
    customer, contractor = await jobsphere.earned("100", deposit="200")

    wallet = await customer.data("/api/wallet")
    assert wallet == {
        "id": str(customer.id),
        "balance": "95.00",
        "escrowBalance": "0.00",
        "currency": "usd",
        "isActive": True,
        "isFrozen": False,
        "freezes": [],
        "debt": "0.00",
        "debts": [],
        "totalEarnings": "0.00",
        "totalSpent": "105.00",
        "totalWithdrawals": "0.00",
        "stripeCustomerId": wallet["stripeCustomerId"],
        "stripeConnectAccountId": None,
        "stripeConnectOnboarded": False,
    }
    assert wallet["stripeCustomerId"].startswith("cus_")
    earned = await contractor.data("/api/wallet")
    assert (earned["totalEarnings"], earned["stripeConnectOnboarded"]) == ("80.00", True)


async def test_transactions_are_listed_newest_first_page_by_page(jobsphere: JobSphere) -> None:
    customer, _ = await jobsphere.earned("100", deposit="200")

    first = await customer.data("/api/wallet/transactions?limit=3")
    second = await customer.data(f"/api/wallet/transactions?limit=3&cursor={first['nextCursor']}")

    found = [(one["type"], one["amount"], one["status"]) for one in first["transactions"] + second["transactions"]]
    assert sorted(found[:2]) == [
        ("contractor_payout", "80.00", "completed"),
        ("service_fee", "20.00", "completed"),
    ]
    assert found[2:] == [
        ("platform_fee", "5.00", "completed"),
        ("escrow_hold", "105.00", "completed"),
        ("deposit", "200.00", "completed"),
    ]
    deposit = second["transactions"][-1]
    assert deposit["stripePaymentIntentId"].startswith("pi_")
    assert deposit["stripeChargeId"].startswith("ch_")
    assert deposit["completedAt"].endswith("Z")
    assert second["nextCursor"] is None


async def test_people_are_told_what_happened_to_their_money_once(jobsphere: JobSphere) -> None:
    customer, contractor = await jobsphere.earned("100", deposit="200")
    withdrawal = await contractor.done("/api/wallet/withdraw", {"amount": 80})
    await jobsphere.withdrawal_in(contractor, withdrawal["withdrawalId"], "in_transit")
    await jobsphere.sandbox.advance(days=3)
    await jobsphere.withdrawal_in(contractor, withdrawal["withdrawalId"], "paid")

    told = {
        name: [one["type"] for one in (await person.data("/api/notifications"))["notifications"]]
        for name, person in (("customer", customer), ("contractor", contractor))
    }

    assert told["customer"] == ["job_completed", "offer_accepted", "payment_received"]
    assert told["contractor"] == ["withdrawal_completed", "account_updated", "job_completed", "offer_received"]


async def test_a_notification_is_marked_as_read(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.deposited(customer, "20")
    notice = (await customer.data("/api/notifications"))["notifications"][0]

    read = await customer.done(f"/api/notifications/{notice['id']}/read")

    assert (notice["isRead"], read["isRead"]) == (False, True)
    assert (await customer.data("/api/notifications"))["unreadCount"] == 0


async def test_an_admin_freezes_a_wallet_and_nothing_leaves_it(jobsphere: JobSphere) -> None:
    _, contractor = await jobsphere.earned("100")
    admin = await jobsphere.person(Role.ADMIN)

    frozen = await admin.done(f"/api/admin/wallets/{contractor.id}/freeze", {"reason": "Under review"})
    refused = await contractor.post("/api/wallet/withdraw", {"amount": 80})

    assert (refused.status_code, refused.json()["code"]) == (403, "wallet_frozen")
    assert await contractor.wallet() == ("80.00", "0.00")
    await admin.done(f"/api/admin/freezes/{frozen['id']}/lift", {"reason": "All is well"})
    assert (await contractor.post("/api/wallet/withdraw", {"amount": 80})).is_success
