"""What people may see of jobs and offers. What is somebody else's looks as if it did not exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Uuid,
    bindparam,
    exists,
    false,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.identity.people import Role
from jobsphere.identity.tables import users
from jobsphere.marketplace.job import Job, JobState
from jobsphere.marketplace.offer import Offer, OfferState
from jobsphere.marketplace.refusals import JobNotFound, OfferNotFound
from jobsphere.marketplace.rows import job_of, offer_of
from jobsphere.marketplace.tables import jobs, offers
from jobsphere.money import Money

# LATERAL, so that everything is looked up by an index, whatever PostgreSQL knows of the tables yet.
_BALANCES = text(
    """
    SELECT w.user_id, w.currency, COALESCE(available.balance_minor, 0), waiting.balance_minor
    FROM wallets AS w
    LEFT JOIN LATERAL (
        SELECT a.balance_minor FROM ledger_accounts AS a
        WHERE a.name = format('wallet:%s:available', w.id) AND a.currency = w.currency
        OFFSET 0
    ) AS available ON true
    CROSS JOIN LATERAL (
        SELECT COALESCE(sum(escrow.balance_minor), 0)::bigint AS balance_minor
        FROM offers AS o
        CROSS JOIN LATERAL (
            SELECT a.balance_minor FROM ledger_accounts AS a
            WHERE a.name = format('offer:%s:escrow', o.id) AND a.currency = w.currency
            OFFSET 0
        ) AS escrow
        WHERE o.customer_wallet_id = w.id AND o.currency = w.currency AND o.state IN ('sent', 'accepted')
    ) AS waiting
    WHERE w.user_id = ANY (:user_ids)
    """
).bindparams(bindparam("user_ids", type_=ARRAY(Uuid)))


@dataclass(frozen=True, slots=True)
class Page:
    """At most ``limit`` things, newest first, older than the one with the id ``before``."""

    limit: int
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class Contractor:
    """Somebody who takes jobs, as everybody may see them."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Balances:
    """What a person may spend, and what waits on their open offers: the sum of their escrow accounts."""

    available: Money
    escrow: Money


async def balances_of(connection: AsyncConnection, user_ids: Iterable[UUID]) -> dict[UUID, Balances]:
    """The balances of everybody among them who has a wallet."""
    rows = await connection.execute(_BALANCES, {"user_ids": list(set(user_ids))})
    return {
        user_id: Balances(Money(available, currency), Money(escrow, currency))
        for user_id, currency, available, escrow in rows
    }


async def job(connection: AsyncConnection, job_id: UUID, reader_id: UUID) -> Job:
    """The job, if it is open, the reader's own, or was offered to them.

    Raises:
        JobNotFound: there is none that the reader may see.
    """
    was_offered = exists().where(offers.c.job_id == jobs.c.id, offers.c.contractor_id == reader_id)
    may_see = or_(jobs.c.state == JobState.OPEN.value, jobs.c.customer_id == reader_id, was_offered)
    row = (await connection.execute(select(jobs).where(jobs.c.id == job_id, may_see))).one_or_none()
    if row is None:
        raise JobNotFound
    return job_of(row)


async def open_jobs(connection: AsyncConnection, page: Page) -> list[Job]:
    """Every customer's open jobs."""
    return await _jobs(connection, jobs.c.state == JobState.OPEN.value, page)


async def jobs_of(connection: AsyncConnection, user_id: UUID, page: Page) -> list[Job]:
    """The jobs that the person posted, or was assigned to."""
    taken = select(offers.c.job_id).where(
        offers.c.contractor_id == user_id,
        offers.c.state.in_((OfferState.ACCEPTED.value, OfferState.COMPLETED.value)),
    )
    return await _jobs(connection, or_(jobs.c.customer_id == user_id, jobs.c.id.in_(taken)), page)


async def offer(connection: AsyncConnection, offer_id: UUID, user_id: UUID) -> Offer:
    """The offer that the person sent or received.

    Raises:
        OfferNotFound: there is none.
    """
    c = offers.c
    is_party = or_(c.customer_id == user_id, c.contractor_id == user_id)
    row = (await connection.execute(select(offers).where(c.id == offer_id, is_party))).one_or_none()
    if row is None:
        raise OfferNotFound
    return offer_of(row)


async def offers_of(
    connection: AsyncConnection, user_id: UUID, page: Page, *, job_id: UUID | None = None
) -> list[Offer]:
    """The offers that the person sent or received, for one job or for all."""
    c = offers.c
    wanted = [c.job_id == job_id] if job_id is not None else []
    # Two walks along an index and a merge; nobody offers to themselves, so nothing comes twice.
    sides = [
        (await _newest_first(connection, offers, select(offers).where(side == user_id, *wanted), page)).subquery()
        for side in (c.customer_id, c.contractor_id)
    ]
    both = union_all(*(side.select() for side in sides)).subquery()
    rows = await connection.execute(
        select(both).order_by(both.c.created_at.desc(), both.c.id.desc()).limit(page.limit)
    )
    return [offer_of(row) for row in rows]


async def contractors(connection: AsyncConnection, page: Page) -> list[Contractor]:
    """Everybody who takes jobs, the latest to join first."""
    c = users.c
    query = select(c.id, c.name).where(c.role == Role.CONTRACTOR.value, c.is_active)
    if page.before is not None:
        query = query.where(c.id < page.before)
    # Ids grow with time (``TimeOrderedIds``), so this walks along the primary key.
    rows = await connection.execute(query.order_by(c.id.desc()).limit(page.limit))
    return [Contractor(id_, name) for id_, name in rows]


async def _jobs(connection: AsyncConnection, condition: ColumnElement[bool], page: Page) -> list[Job]:
    query = await _newest_first(connection, jobs, select(jobs).where(condition), page)
    return [job_of(row) for row in await connection.execute(query)]


async def _newest_first(connection: AsyncConnection, table: Table, query: Select[Any], page: Page) -> Select[Any]:
    c = table.c
    if page.before is not None:
        found = await connection.execute(select(c.created_at, c.id).where(c.id == page.before))
        position = found.one_or_none()
        query = query.where(tuple_(c.created_at, c.id) < tuple_(*position) if position else false())
    return query.order_by(c.created_at.desc(), c.id.desc()).limit(page.limit)
