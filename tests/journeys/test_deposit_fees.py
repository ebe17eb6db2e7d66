"""What Stripe keeps of card payments: booked from its own books, however late, so that both books are the same."""

from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import processing_costs, stripe_balance
from tests.journeys.conftest import JobSphere
from tests.journeys.test_deposit_attempts import asked
from tests.journeys.test_deposits import started


async def test_what_stripe_keeps_is_a_cost_and_the_books_equal_stripes(
    jobsphere: JobSphere,
) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    for card in ("pm_card_visa", "pm_card_bypassPending"):
        await jobsphere.deposited(customer, "200", card)

    await jobsphere.same_as_stripes_books()

    assert await jobsphere.balance_minor(processing_costs("usd")) == 2 * 610
    assert await jobsphere.balance_minor(stripe_balance("usd")) == 40_000 - 2 * 610
    assert await customer.wallet() == ("400.00", "0.00")
    platform = await (await jobsphere.person(Role.ADMIN)).data("/api/admin/platform")
    assert (platform["processingCosts"], platform["stripeBalance"]) == ("12.20", "387.80")
    await jobsphere.books_hold()


async def test_a_fee_that_is_known_late_is_asked_for_until_it_is(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.plan_faults({"match": "GET /v1/charges/*", "kind": "error_before", "times": 2})

    await jobsphere.deposited(customer, "200")

    await jobsphere.same_as_stripes_books()
    asked = [call for call in await jobsphere.sandbox.calls() if call["path"].startswith("/v1/charges/")]
    assert len(asked) >= 3
    await jobsphere.books_hold()


async def test_without_any_event_the_fee_is_booked_too(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.set_delivery_mode("drop")
    deposit = await started(customer, "pm_card_visa")

    for _ in range(3):
        assert await asked(jobsphere, deposit) == "succeeded"

    await jobsphere.same_as_stripes_books()
    shown = await customer.data(f"/api/wallet/deposits/{deposit['depositId']}")
    assert [(one["cardBrand"], one["cardLast4"]) for one in shown["attempts"]] == [("visa", "4242")]
    await jobsphere.books_hold()


async def test_stripe_tells_when_it_knows_and_the_fee_is_booked_then(jobsphere: JobSphere) -> None:
    customer = await jobsphere.person(Role.CUSTOMER)
    await jobsphere.sandbox.change_settings(charge_settles_after_seconds=3600)
    await jobsphere.deposited(customer, "200")

    async def asked_in_vain() -> bool:
        calls = await jobsphere.sandbox.calls()
        return any(call["path"].startswith("/v1/charges/") for call in calls)

    await jobsphere.until("it is asked for", asked_in_vain)
    assert await jobsphere.balance_minor(processing_costs("usd")) == 0
    await jobsphere.books_hold()

    await jobsphere.sandbox.advance(hours=1)

    await jobsphere.same_as_stripes_books()
    assert await jobsphere.balance_minor(processing_costs("usd")) == 610
    await jobsphere.books_hold()
