"""The timer: it catches up after downtime, in order, once, and one bad offer keeps no other waiting."""

import asyncio
from datetime import timedelta

import pytest

from jobsphere.ledger.accounts import offer_escrow, wallet_available
from jobsphere.marketplace.lock import lock_job
from jobsphere.marketplace.offer import OfferState
from jobsphere.marketplace.store import EscrowDisagrees

from .market import Market, usd


async def test_after_downtime_all_overdue_offers_expire_the_longest_overdue_first(market: Market) -> None:
    customer, contractor = await market.customer("500.00"), await market.contractor()
    job = await market.post(customer)
    offers = [await market.send(customer, job, contractor, "10.00", expires_in_days=days) for days in (3, 1, 30)]
    market.clock.advance(days=10)

    assert await market.expire_due(limit=1) == 1
    assert await market.state(offers[1]) is OfferState.EXPIRED
    assert await market.state(offers[0]) is OfferState.SENT
    assert await market.expire_due() == 1
    assert await market.expire_due() == 0

    assert [await market.state(offer) for offer in offers] == ["expired", "expired", "sent"]
    assert (await market.available(customer), await market.escrow(customer)) == ("489.50", "10.50")
    assert await market.told(customer) == ["offer_expired", "offer_expired"]
    await market.require_right_books()


async def test_an_offer_expires_at_its_moment_and_not_before(market: Market) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    offer = await market.send(customer, await market.post(customer), contractor)
    assert await market.expire_due(now=offer.expires_at - timedelta(microseconds=1)) == 0
    assert await market.expire_due(now=offer.expires_at) == 1


async def test_several_workers_expire_each_offer_once(market: Market) -> None:
    customer, contractor = await market.customer("500.00"), await market.contractor()
    for _ in range(10):
        await market.send(customer, await market.post(customer), contractor, "10.00")
    market.clock.advance(days=7)
    counts = await asyncio.gather(*(market.expire_due() for _ in range(4)))
    # Where two met at one job, both may leave it to the next round.
    assert sum(counts) + await market.expire_due() == 10
    assert await market.available(customer) == "500.00"
    assert len(await market.told(customer)) == 10


async def test_the_timer_waits_for_nobody(market: Market) -> None:
    customer, contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    offer = await market.send(customer, job, contractor)
    async with market.engine.begin() as connection:
        await lock_job(connection, job.id, customer.id)
        assert await asyncio.wait_for(market.expire_due(now=offer.expires_at), timeout=1) == 0
    assert await market.expire_due(now=offer.expires_at) == 1


async def test_an_offer_that_cannot_be_expired_keeps_no_other_waiting(market: Market) -> None:
    customer, contractor = await market.customer("500.00"), await market.contractor()
    job = await market.post(customer)
    damaged = await market.send(customer, job, contractor, expires_in_days=1)
    sound = await market.send(customer, job, contractor, expires_in_days=2)
    await market.move(offer_escrow(damaged.id, "usd"), wallet_available(contractor.id, "usd"), usd("1.00"))
    market.clock.advance(days=3)

    with pytest.raises(ExceptionGroup) as raised:
        await market.expire_due()

    assert raised.group_contains(EscrowDisagrees, depth=1)
    assert await market.state(damaged) is OfferState.SENT
    assert await market.state(sound) is OfferState.EXPIRED
