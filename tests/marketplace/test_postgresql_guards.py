"""What PostgreSQL refuses by itself, whatever Python does."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.database import sqlstate, violated_constraint
from jobsphere.marketplace.offer import Offer

from .market import Market

_UNIQUE, _CHECK, _FOREIGN_KEY, _RESTRICTED = "23505", "23514", "23503", "23001"


@pytest.fixture
async def offer(market: Market) -> Offer:
    customer, contractor = await market.customer(), await market.contractor()
    return await market.send(customer, await market.post(customer), contractor)


async def _refusal(engine: AsyncEngine, statement: str, **values: object) -> DBAPIError:
    with pytest.raises(DBAPIError) as refusal:
        async with engine.begin() as connection:
            await connection.execute(text(statement), values)
    return refusal.value


async def test_a_job_has_at_most_one_accepted_offer(market: Market, owner_engine: AsyncEngine) -> None:
    customer, contractor = await market.customer("500.00"), await market.contractor()
    job = await market.post(customer)
    first, second = [await market.send(customer, job, contractor) for _ in range(2)]
    accepted = "UPDATE offers SET state = 'accepted', answered_at = now() WHERE id = :id"
    async with owner_engine.begin() as connection:
        await connection.execute(text(accepted), {"id": first.id})
    refusal = await _refusal(owner_engine, accepted, id=second.id)
    assert (sqlstate(refusal), violated_constraint(refusal)) == (_UNIQUE, "offers_one_accepted_per_job")


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 1",
        "platform_fee_minor = 0",
        "service_fee_minor = 0",
        "contractor_id = customer_id",
        "expires_at = expires_at + interval '1 day'",
    ],
)
async def test_terms_never_change(offer: Offer, owner_engine: AsyncEngine, change: str) -> None:
    refusal = await _refusal(owner_engine, f"UPDATE offers SET {change} WHERE id = :id", id=offer.id)  # noqa: S608
    assert sqlstate(refusal) == _RESTRICTED


@pytest.mark.parametrize("statement", ["DELETE FROM offers", "TRUNCATE offers CASCADE"])
async def test_offers_are_never_removed(offer: Offer, owner_engine: AsyncEngine, statement: str) -> None:
    assert sqlstate(await _refusal(owner_engine, statement)) == _RESTRICTED


async def test_offers_and_jobs_only_move_forward(market: Market, offer: Offer, owner_engine: AsyncEngine) -> None:
    skipped = await _refusal(owner_engine, "UPDATE offers SET state = 'completed', answered_at = now()")
    await market.decline(offer.contractor_id, offer.id)
    revived = await _refusal(owner_engine, "UPDATE offers SET state = 'sent', answered_at = NULL")
    await market.close(offer.customer_id, offer.job_id)
    reopened = await _refusal(owner_engine, "UPDATE jobs SET state = 'open'")
    assert {sqlstate(error) for error in (skipped, revived, reopened)} == {_RESTRICTED}


_COPY = """
    INSERT INTO offers SELECT (jsonb_populate_record(
        o, jsonb_build_object('id', gen_random_uuid()) || CAST(:changed AS jsonb)
    )).* FROM offers AS o
"""


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ('{"amount_minor": 0, "service_fee_minor": 0}', "offers_amount_is_positive"),
        ('{"platform_fee_minor": -1}', "offers_platform_fee_is_not_negative"),
        ('{"service_fee_minor": -1}', "offers_service_fee_is_part_of_the_amount"),
        ('{"service_fee_minor": 10001}', "offers_service_fee_is_part_of_the_amount"),
        ('{"state": "forgotten", "answered_at": "2026-01-01"}', "offers_state_is_known"),
        ('{"state": "accepted"}', "offers_answered_has_its_time"),
        ('{"expires_at": "2026-03-01T00:00:00Z"}', "offers_expires_within_30_days"),
        ('{"expires_at": "2026-01-01T00:00:00Z"}', "offers_expires_within_30_days"),
        ('{"currency": "USD"}', "offers_currency_is_a_code"),
    ],
)
async def test_impossible_offers_are_refused(
    offer: Offer, owner_engine: AsyncEngine, changed: str, constraint: str
) -> None:
    refusal = await _refusal(owner_engine, _COPY, changed=changed)
    assert (sqlstate(refusal), violated_constraint(refusal)) == (_CHECK, constraint)


async def test_nobody_offers_to_themselves(offer: Offer, owner_engine: AsyncEngine) -> None:
    refusal = await _refusal(owner_engine, _COPY, changed=f'{{"contractor_id": "{offer.customer_id}"}}')
    assert violated_constraint(refusal) == "offers_two_people"


async def test_nobody_offers_somebody_elses_job(market: Market, offer: Offer, owner_engine: AsyncEngine) -> None:
    stranger = await market.customer()
    refusal = await _refusal(owner_engine, _COPY, changed=f'{{"customer_id": "{stranger.id}"}}')
    assert (sqlstate(refusal), violated_constraint(refusal)) == (_FOREIGN_KEY, "offers_job_id_customer_id_fkey")
