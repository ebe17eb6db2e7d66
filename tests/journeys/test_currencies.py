"""The whole money flow in currencies that are not counted in cents: deposit, offer, completion, withdrawal."""

from collections.abc import AsyncIterator

import pytest

from jobsphere.identity.people import Role
from jobsphere.ledger.accounts import platform_fees, service_fees
from jobsphere.money import Money
from tests.conftest import Databases
from tests.journeys.conftest import JobSphere, running, settings_for_tests

# Deposited, offered, platform fee, what the contractor gets, what the customer keeps. 5 % of 50050 ISK is 2502.5.
FLOWS = {
    "jpy": ("60000", "50050", "2503", "40040", "7447"),
    "kwd": ("60.000", "50.050", "2.500", "40.040", "7.450"),
    "isk": ("60000", "50050", "2503", "40040", "7447"),
    "huf": ("60000.00", "50050.00", "2503.00", "40040.00", "7447.00"),
}
# Where banks keep accounts in it.
COUNTRIES = {"jpy": "JP", "kwd": "KW", "isk": "IS", "huf": "HU"}
# What no card can be charged, or no bank be sent.
NOT_PAYABLE = {
    "jpy": ("1000.5", "too_many_decimals"),
    "kwd": ("20.005", "amount_not_payable"),
    "isk": ("1000.5", "too_many_decimals"),
    "huf": ("1000.50", "amount_not_payable"),
}


@pytest.fixture(params=FLOWS)
async def foreign(request: pytest.FixtureRequest, databases: Databases, database: str) -> AsyncIterator[JobSphere]:
    settings = settings_for_tests(payment_currency=request.param, platform_country=COUNTRIES[request.param])
    async with running(databases.url(database), settings) as jobsphere:
        yield jobsphere


async def test_a_job_is_paid_for_and_its_pay_reaches_the_bank(foreign: JobSphere) -> None:
    deposited, amount, fee, pay, kept = FLOWS[foreign.currency]

    zero = Money.zero(foreign.currency).to_major()
    customer, contractor = await foreign.earned(amount, deposit=deposited)

    assert await customer.wallet() == (kept, zero)
    assert await contractor.wallet() == (pay, zero)
    platform = await (await foreign.person(Role.ADMIN)).data("/api/admin/platform")
    assert (platform["platformFees"], platform["currency"]) == (fee, foreign.currency)
    requested = await contractor.done("/api/wallet/withdraw", {"amount": pay})
    await foreign.withdrawal_in(contractor, requested["withdrawalId"], "in_transit")
    await foreign.sandbox.advance(days=3)
    paid = await foreign.withdrawal_in(contractor, requested["withdrawalId"], "paid")
    assert (paid["amount"], paid["currency"]) == (pay, foreign.currency)
    await foreign.same_as_stripes_books()
    assert await foreign.balance_minor(platform_fees(foreign.currency)) > 0
    assert await foreign.balance_minor(service_fees(foreign.currency)) > 0
    await foreign.books_hold()


async def test_what_cannot_be_paid_is_refused_and_the_limits_are_those_of_the_currency(foreign: JobSphere) -> None:
    customer = await foreign.person(Role.CUSTOMER)
    amount, code = NOT_PAYABLE[foreign.currency]

    answer = await customer.post("/api/wallet/deposit", {"amount": amount, "paymentMethodId": "pm_card_visa"})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    shown = (await foreign.http.get("/api/config")).json()["data"]
    limits = {"jpy": "1000", "kwd": "10.000", "isk": "1000", "huf": "1000.00"}
    assert shown["limits"]["depositMinimum"] == limits[foreign.currency]
    below = await customer.post("/api/wallet/deposit", {"amount": 5, "paymentMethodId": "pm_card_visa"})
    assert (below.status_code, below.json()["code"]) == (422, "amount_out_of_limits")
    assert (await customer.data("/api/wallet/transactions"))["transactions"] == []
