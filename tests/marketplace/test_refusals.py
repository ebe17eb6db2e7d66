"""What the marketplace refuses, and that a refusal changes nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.database import reading
from jobsphere.identity.people import User
from jobsphere.marketplace import read
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.refusals import (
    ContractorNotFound,
    JobNotAssigned,
    JobNotFound,
    JobNotOpen,
    OfferExpired,
    OfferNotFound,
    OfferNotOpen,
)
from jobsphere.wallets.freezes import WalletFrozen
from jobsphere.wallets.limits import AmountOutOfLimits
from jobsphere.wallets.wallet import InsufficientFunds, WalletInactive

from .market import Market

FROZEN = (
    "WITH marked AS (UPDATE wallets SET is_frozen = true WHERE user_id = :id RETURNING id) "
    "INSERT INTO freezes (wallet_id, level, reason, created_at, review_at) SELECT id,"
)


@dataclass(frozen=True)
class Scene:
    """A customer with 95.00 left and one offer sent, its contractor, and two strangers."""

    market: Market
    owner_engine: AsyncEngine
    customer: User
    contractor: User
    stranger: User
    other_contractor: User
    job: Job
    offer: Offer

    async def change(self, statement: str, user: User) -> None:
        async with self.owner_engine.begin() as connection:
            await connection.execute(text(statement), {"id": user.id})

    async def send(self, amount: str = "10.00") -> Offer:
        return await self.market.send(self.customer, self.job, self.contractor, amount)

    async def accept(self) -> Offer:
        return await self.market.accept(self.contractor.id, self.offer.id)


@pytest.fixture
async def scene(market: Market, owner_engine: AsyncEngine) -> Scene:
    customer, contractor = await market.customer(), await market.contractor()
    stranger, other_contractor = await market.customer(), await market.contractor()
    job = await market.post(customer)
    offer = await market.send(customer, job, contractor)
    return Scene(market, owner_engine, customer, contractor, stranger, other_contractor, job, offer)


async def _refused(scene: Scene, error: type[Exception], deed: Callable[[], Awaitable[object]]) -> None:
    before = await scene.market.everything()
    with pytest.raises(error):
        await deed()
    assert await scene.market.everything() == before


@pytest.mark.parametrize(
    ("amount", "error"),
    [("4.99", AmountOutOfLimits), ("50000.01", AmountOutOfLimits), ("90.49", InsufficientFunds)],
)
async def test_amounts_that_are_too_small_too_large_or_not_there(
    scene: Scene, amount: str, error: type[Exception]
) -> None:
    await _refused(scene, error, lambda: scene.send(amount))


async def test_the_last_cent_can_be_offered(scene: Scene) -> None:
    await scene.send("90.48")  # and 4.52 on top
    assert await scene.market.available(scene.customer) == "0.00"


async def test_only_the_own_open_job_can_be_offered(scene: Scene) -> None:
    market = scene.market
    await _refused(scene, JobNotFound, lambda: market.send(scene.stranger, scene.job, scene.contractor))
    await scene.accept()
    await _refused(scene, JobNotOpen, scene.send)
    await market.complete(scene.customer.id, scene.job.id)
    await _refused(scene, JobNotOpen, scene.send)


async def test_only_active_contractors_receive_offers(scene: Scene) -> None:
    async def send_to(somebody: User) -> Offer:
        return await scene.market.send(scene.customer, scene.job, somebody, "10.00")

    await _refused(scene, ContractorNotFound, lambda: send_to(scene.customer))
    await _refused(scene, ContractorNotFound, lambda: send_to(scene.stranger))
    await _refused(scene, ContractorNotFound, lambda: send_to(replace(scene.contractor, id=scene.job.id)))
    await scene.change("UPDATE users SET is_active = false WHERE id = :id", scene.contractor)
    await _refused(scene, ContractorNotFound, scene.send)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (f"{FROZEN} 'outgoing', 'test', now(), now() + interval '7 days' FROM marked", WalletFrozen),
        ("UPDATE wallets SET is_active = false WHERE user_id = :id", WalletInactive),
    ],
)
async def test_frozen_and_closed_wallets_send_nothing(scene: Scene, change: str, error: type[Exception]) -> None:
    await scene.change(change, scene.customer)
    await _refused(scene, error, scene.send)


async def test_what_is_somebody_elses_looks_missing(scene: Scene) -> None:
    market, offer_id, job_id = scene.market, scene.offer.id, scene.job.id
    other, stranger = scene.other_contractor.id, scene.stranger.id
    await _refused(scene, OfferNotFound, lambda: market.accept(other, offer_id))
    await _refused(scene, OfferNotFound, lambda: market.accept(scene.customer.id, offer_id))
    await _refused(scene, OfferNotFound, lambda: market.decline(other, offer_id))
    await _refused(scene, OfferNotFound, lambda: market.withdraw(stranger, offer_id))
    await _refused(scene, OfferNotFound, lambda: market.withdraw(scene.contractor.id, offer_id))
    await _refused(scene, JobNotFound, lambda: market.close(stranger, job_id))
    await scene.accept()
    await _refused(scene, JobNotFound, lambda: market.complete(stranger, job_id))


async def test_nobody_else_can_read_an_offer_or_an_assigned_job(scene: Scene) -> None:
    await scene.accept()
    async with reading(scene.market.engine) as connection:
        for party in (scene.customer, scene.contractor):
            assert (await read.offer(connection, scene.offer.id, party.id)).id == scene.offer.id
            assert (await read.job(connection, scene.job.id, party.id)).id == scene.job.id
        with pytest.raises(OfferNotFound):
            await read.offer(connection, scene.offer.id, scene.stranger.id)
        with pytest.raises(JobNotFound):
            await read.job(connection, scene.job.id, scene.other_contractor.id)
        assert await read.offers_of(connection, scene.stranger.id, read.Page(9)) == []
        assert await read.open_jobs(connection, read.Page(9)) == []


async def test_an_answered_offer_cannot_be_answered_again(scene: Scene) -> None:
    market, offer_id = scene.market, scene.offer.id
    await scene.accept()
    await _refused(scene, OfferNotOpen, scene.accept)
    await _refused(scene, OfferNotOpen, lambda: market.decline(scene.contractor.id, offer_id))
    await _refused(scene, OfferNotOpen, lambda: market.withdraw(scene.customer.id, offer_id))
    await _refused(scene, JobNotOpen, lambda: market.close(scene.customer.id, scene.job.id))


async def test_an_offer_past_its_time_cannot_be_accepted_even_if_the_timer_is_late(scene: Scene) -> None:
    scene.market.clock.advance(days=7)
    await _refused(scene, OfferExpired, scene.accept)
    await scene.market.expire_due()
    await _refused(scene, OfferExpired, scene.accept)
    await _refused(scene, OfferExpired, lambda: scene.market.withdraw(scene.customer.id, scene.offer.id))


async def test_only_an_assigned_job_can_be_completed_and_only_once(scene: Scene) -> None:
    async def complete() -> object:
        return await scene.market.complete(scene.customer.id, scene.job.id)

    await _refused(scene, JobNotAssigned, complete)
    await scene.accept()
    await complete()
    await _refused(scene, JobNotAssigned, complete)
