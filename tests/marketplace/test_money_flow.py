"""Offers and jobs on a real PostgreSQL: the guide's example to the cent, and where the money goes otherwise."""

import pytest

from jobsphere.database import reading
from jobsphere.ledger.accounts import offer_escrow, wallet_available
from jobsphere.marketplace import read
from jobsphere.marketplace.job import JobState
from jobsphere.marketplace.offer import OfferState
from jobsphere.marketplace.read import Page
from jobsphere.marketplace.store import EscrowDisagrees
from jobsphere.wallets.freeze import FreezeLevel
from jobsphere.wallets.freezes import freeze

from .market import Market, usd


async def test_the_guides_example_to_the_cent(market: Market) -> None:
    customer, contractor = await market.customer("200.00"), await market.contractor()
    job = await market.post(customer)

    offer = await market.send(customer, job, contractor, "100.00")
    assert (await market.available(customer), await market.escrow(customer)) == ("95.00", "105.00")
    assert await market.platform() == "0.00"

    await market.accept(contractor.id, offer.id)
    assert (await market.available(customer), await market.escrow(customer)) == ("95.00", "100.00")
    assert await market.platform() == "5.00"

    done, paid = await market.complete(customer.id, job.id)
    assert (await market.available(customer), await market.escrow(customer)) == ("95.00", "0.00")
    assert (await market.platform(), await market.available(contractor)) == ("25.00", "80.00")
    assert (done.state, paid.state) == (JobState.COMPLETED, OfferState.COMPLETED)
    await market.require_right_books()


async def test_each_side_sees_its_transactions_and_is_told(market: Market) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    offer = await market.send(customer, job, contractor)
    market.clock.advance(hours=1)
    await market.accept(contractor.id, offer.id)
    market.clock.advance(hours=1)
    await market.complete(customer.id, job.id)

    seen = {(one.type.value, str(one.amount)) for one in await market.transactions(customer)}
    assert seen == {
        ("escrow_hold", "105.00 USD"),
        ("platform_fee", "5.00 USD"),
        ("contractor_payout", "80.00 USD"),
        ("service_fee", "20.00 USD"),
    }
    [pay] = await market.transactions(contractor)
    assert (pay.from_wallet_id, pay.to_wallet_id) == (customer.id, contractor.id)
    assert (pay.offer_id, pay.job_id, pay.status.value) == (offer.id, job.id, "completed")
    assert pay.description == "Payment for “Paint the fence”"
    assert await market.told(customer) == ["offer_accepted", "job_completed"]
    assert await market.told(contractor) == ["offer_received", "job_completed"]


@pytest.mark.parametrize("ending", ["declined", "withdrawn", "expired"])
async def test_an_offer_that_ends_before_acceptance_costs_nothing(market: Market, ending: str) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    offer = await market.send(customer, await market.post(customer), contractor)
    if ending == "declined":
        await market.decline(contractor.id, offer.id)
    elif ending == "withdrawn":
        await market.withdraw(customer.id, offer.id)
    else:
        market.clock.advance(days=7)
        assert await market.expire_due() == 1

    assert (await market.available(customer), await market.escrow(customer)) == ("200.00", "0.00")
    assert await market.state(offer) == ending
    assert {one.type.value for one in await market.transactions(customer)} == {"escrow_hold", "refund"}
    await market.require_right_books()


async def test_accepting_one_offer_frees_the_money_of_the_others(market: Market) -> None:
    customer = await market.customer("500.00")
    contractors = [await market.contractor() for _ in range(3)]
    job, other_job = await market.post(customer), await market.post(customer, "Mow the lawn")
    offers = [await market.send(customer, job, contractor) for contractor in contractors]
    untouched = await market.send(customer, other_job, contractors[1], "10.00")

    await market.accept(contractors[0].id, offers[0].id)

    assert [await market.state(offer) for offer in offers] == ["accepted", "expired", "expired"]
    assert await market.state(untouched) is OfferState.SENT
    assert (await market.available(customer), await market.escrow(customer)) == ("384.50", "110.50")
    assert await market.told(contractors[1]) == ["offer_received", "offer_received", "offer_expired"]
    assert await market.told(customer) == ["offer_accepted", "offer_expired", "offer_expired"]
    await market.require_right_books()


async def test_closing_a_job_returns_the_money_of_its_open_offers(market: Market) -> None:
    customer, contractor = await market.customer("500.00"), await market.contractor()
    job, empty_job = await market.post(customer), await market.post(customer)
    offers = [await market.send(customer, job, contractor) for _ in range(2)]

    assert (await market.close(customer.id, job.id)).state is JobState.CLOSED
    assert (await market.close(customer.id, empty_job.id)).state is JobState.CLOSED

    assert [await market.state(offer) for offer in offers] == ["withdrawn", "withdrawn"]
    assert await market.available(customer) == "500.00"
    await market.require_right_books()


async def test_a_freeze_stops_sending_but_not_what_is_funded_already(market: Market) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    offer = await market.send(customer, job, contractor)
    await market.do(
        lambda connection: freeze(
            connection,
            customer.id,
            level=FreezeLevel.ALL,
            reason="test",
            author_id=None,
            now=market.clock.now(),
        )
    )
    await market.accept(contractor.id, offer.id)
    await market.complete(customer.id, job.id)
    assert await market.available(contractor) == "80.00"


async def test_an_offer_whose_money_is_not_all_there_is_not_accepted(market: Market) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    offer = await market.send(customer, await market.post(customer), contractor)
    await market.move(offer_escrow(offer.id, "usd"), wallet_available(customer.id, "usd"), usd("0.01"))
    before = await market.everything()
    with pytest.raises(EscrowDisagrees):
        await market.accept(contractor.id, offer.id)
    assert await market.everything() == before


async def test_every_deed_leaves_an_audit_row(market: Market) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    offer = await market.send(customer, job, contractor)
    await market.accept(contractor.id, offer.id)
    await market.complete(customer.id, job.id)
    rows = (await market.everything())["audit_log"]
    done = [(row.action, row.actor_id) for row in rows if row.subject in (f"job:{job.id}", f"offer:{offer.id}")]
    assert done == [
        ("job.posted", customer.id),
        ("offer.sent", customer.id),
        ("job.assigned", contractor.id),
        ("offer.accepted", contractor.id),
        ("job.completed", customer.id),
        ("offer.completed", customer.id),
    ]


async def test_everybody_reads_what_concerns_them_page_by_page(market: Market) -> None:
    customer, contractor = await market.customer("500.00"), await market.contractor()
    job = await market.post(customer)
    offers = []
    for _ in range(3):
        market.clock.advance(minutes=1)
        offers.append(await market.send(customer, job, contractor, "10.00"))
    newest_first = [offer.id for offer in reversed(offers)]
    async with reading(market.engine) as connection:
        for user in (customer, contractor):
            first = await read.offers_of(connection, user.id, Page(2))
            rest = await read.offers_of(connection, user.id, Page(2, before=first[-1].id))
            assert [offer.id for offer in (*first, *rest)] == newest_first
        assert await read.offers_of(connection, customer.id, Page(9), job_id=market.ids.new()) == []
        assert await read.offers_of(connection, customer.id, Page(9, before=market.ids.new())) == []
        assert [one.id for one in await read.contractors(connection, Page(9))] == [contractor.id]
        assert await read.open_jobs(connection, Page(9)) == [job]
        assert await read.jobs_of(connection, customer.id, Page(9)) == [job]
        assert await read.jobs_of(connection, contractor.id, Page(9)) == []
        assert await read.contractors(connection, Page(9, before=contractor.id)) == []
