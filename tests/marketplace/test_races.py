"""Two deeds at the same moment on separate connections: exactly one wins, and the books are right."""

import asyncio
from collections.abc import Awaitable, Iterator
from datetime import timedelta

import pytest

from jobsphere.marketplace.offer import OfferState
from jobsphere.marketplace.refusals import JobNotAssigned, MovedOn
from jobsphere.wallets.wallet import InsufficientFunds

from .market import Market

ROUNDS = 20


async def _at_once(*deeds: Awaitable[object]) -> list[object]:
    """What each deed gave or raised."""
    return await asyncio.gather(*deeds, return_exceptions=True)


def _refusals(outcomes: list[object], expected: type[Exception]) -> list[object]:
    """The refusals among the outcomes; any other error fails the test."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [error for error in errors if not isinstance(error, expected)] == []
    return list(errors)


def _rounds() -> Iterator[bool]:
    """Whether the second deed is to be begun first."""
    return (number % 2 == 1 for number in range(ROUNDS))


async def test_accept_against_withdraw(market: Market) -> None:
    customer, contractor = await market.customer("3000.00"), await market.contractor()
    for swapped in _rounds():
        offer = await market.send(customer, await market.post(customer), contractor)
        deeds = [market.accept(contractor.id, offer.id), market.withdraw(customer.id, offer.id)]
        outcomes = await _at_once(*(reversed(deeds) if swapped else deeds))
        assert len(_refusals(outcomes, MovedOn)) == 1
        assert await market.state(offer) in (OfferState.ACCEPTED, OfferState.WITHDRAWN)
    await market.require_right_books()


async def test_accept_in_the_last_moment_against_the_timer(market: Market) -> None:
    customer, contractor = await market.customer("3000.00"), await market.contractor()
    for swapped in _rounds():
        offer = await market.send(customer, await market.post(customer), contractor)
        last_moment = offer.expires_at - timedelta(microseconds=1)
        deeds: list[Awaitable[object]] = [
            market.accept(contractor.id, offer.id, now=last_moment),
            market.expire_due(now=offer.expires_at),
        ]
        outcomes = await _at_once(*(reversed(deeds) if swapped else deeds))
        was_refused = len(_refusals(outcomes, MovedOn)) == 1
        expired_count = next(outcome for outcome in outcomes if isinstance(outcome, int))
        assert expired_count == (1 if was_refused else 0)
        assert await market.state(offer) is (OfferState.EXPIRED if was_refused else OfferState.ACCEPTED)
    await market.require_right_books()


async def test_two_contractors_accept_offers_for_one_job(market: Market) -> None:
    customer = await market.customer("5000.00")
    contractors = [await market.contractor() for _ in range(2)]
    for _ in range(ROUNDS):
        job = await market.post(customer)
        offers = [await market.send(customer, job, contractor) for contractor in contractors]
        outcomes = await _at_once(
            *(market.accept(who.id, offer.id) for who, offer in zip(contractors, offers, strict=True))
        )
        assert len(_refusals(outcomes, MovedOn)) == 1
        assert {await market.state(offer) for offer in offers} == {OfferState.ACCEPTED, OfferState.EXPIRED}
    assert await market.escrow(customer) == "2000.00"
    await market.require_right_books()


async def test_a_job_completed_twice_pays_once(market: Market) -> None:
    customer, contractor = await market.customer("3000.00"), await market.contractor()
    for _ in range(ROUNDS):
        job = await market.post(customer)
        await market.accept(contractor.id, (await market.send(customer, job, contractor)).id)
        outcomes = await _at_once(*(market.complete(customer.id, job.id) for _ in range(2)))
        assert len(_refusals(outcomes, JobNotAssigned)) == 1
    assert await market.available(contractor) == "1600.00"
    await market.require_right_books()


async def test_offers_sent_at_once_never_spend_more_than_there_is(market: Market) -> None:
    customer, contractor = await market.customer("315.00"), await market.contractor()
    jobs = [await market.post(customer) for _ in range(10)]
    outcomes = await _at_once(*(market.send(customer, job, contractor) for job in jobs))
    assert len(_refusals(outcomes, InsufficientFunds)) == 7
    assert (await market.available(customer), await market.escrow(customer)) == ("0.00", "315.00")
    await market.require_right_books()


@pytest.mark.parametrize("seed", range(3))
async def test_everybody_at_once_leaves_the_books_right(market: Market, seed: int) -> None:
    customer = await market.customer("5000.00")
    contractors = [await market.contractor() for _ in range(3)]
    jobs = [await market.post(customer) for _ in range(3)]
    offers = [await market.send(customer, job, who, "50.00") for job in jobs for who in contractors]
    deeds: list[Awaitable[object]] = []
    for number, offer in enumerate(offers):
        by = contractors[number % 3].id
        deeds.append(market.accept(by, offer.id) if (number + seed) % 2 else market.decline(by, offer.id))
        deeds.append(market.withdraw(customer.id, offer.id))
    deeds += [market.close(customer.id, jobs[seed].id), market.complete(customer.id, jobs[0].id)]
    deeds += [market.send(customer, job, contractors[0], "50.00") for job in jobs]
    deeds += [market.expire_due(now=offers[0].expires_at) for _ in range(2)]
    _refusals(await _at_once(*deeds), MovedOn)
    await market.require_right_books()
