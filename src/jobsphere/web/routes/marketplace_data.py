"""Jobs, offers and contractors as JSON."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.identity.people import User
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.offer import Offer
from jobsphere.marketplace.read import Balances, Contractor, Page, balances_of

T = TypeVar("T")


async def balances(connection: AsyncConnection, caller: User) -> dict[str, str]:
    """What the caller may spend, and what waits on their offers, once this is committed."""
    return balances_data((await balances_of(connection, [caller.id]))[caller.id])


def balances_data(balances: Balances) -> dict[str, str]:
    available = balances.available
    return {
        "newBalance": available.to_major(),
        "escrowBalance": balances.escrow.to_major(),
        "currency": available.currency,
    }


def listed(name: str, found: Sequence[T], page: Page, as_data: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """A page of answers; ``page`` asks for one more than is shown, to know whether there is a next page."""
    shown = [as_data(one) for one in found[: page.limit - 1]]
    return {name: shown, "nextCursor": shown[-1]["id"] if len(found) == page.limit else None}


def contractor_data(contractor: Contractor) -> dict[str, Any]:
    return {"id": contractor.id, "name": contractor.name}


def job_data(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "customerId": job.customer_id,
        "title": job.title,
        "description": job.description,
        "state": job.state.value,
        "createdAt": job.created_at,
        "completedAt": job.completed_at,
    }


def offer_data(offer: Offer) -> dict[str, Any]:
    fees = offer.fees
    return {
        "id": offer.id,
        "jobId": offer.job_id,
        "customerId": offer.customer_id,
        "contractorId": offer.contractor_id,
        "amount": fees.amount.to_major(),
        "platformFee": fees.platform_fee.to_major(),
        "total": fees.hold.to_major(),
        "serviceFee": fees.service_fee.to_major(),
        "contractorReceives": fees.pay.to_major(),
        "currency": fees.amount.currency,
        "state": offer.state.value,
        "message": offer.message,
        "expiresAt": offer.expires_at,
        "createdAt": offer.created_at,
        "answeredAt": offer.answered_at,
    }
