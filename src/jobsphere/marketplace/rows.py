"""Jobs and offers to and from rows of their tables."""

from typing import Any

from sqlalchemy import Row

from jobsphere.marketplace.fees import Fees
from jobsphere.marketplace.job import Job, JobState
from jobsphere.marketplace.offer import Offer, OfferState
from jobsphere.money import Money


def job_of(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        customer_id=row.customer_id,
        title=row.title,
        description=row.description,
        state=JobState(row.state),
        created_at=row.created_at,
        completed_at=row.completed_at,
    )


def offer_of(row: Row[Any]) -> Offer:
    return Offer(
        id=row.id,
        job_id=row.job_id,
        customer_id=row.customer_id,
        contractor_id=row.contractor_id,
        customer_wallet_id=row.customer_wallet_id,
        contractor_wallet_id=row.contractor_wallet_id,
        fees=Fees(
            amount=Money(row.amount_minor, row.currency),
            platform_fee=Money(row.platform_fee_minor, row.currency),
            service_fee=Money(row.service_fee_minor, row.currency),
        ),
        message=row.message,
        state=OfferState(row.state),
        expires_at=row.expires_at,
        created_at=row.created_at,
        answered_at=row.answered_at,
    )


def row_of(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "job_id": offer.job_id,
        "customer_id": offer.customer_id,
        "contractor_id": offer.contractor_id,
        "customer_wallet_id": offer.customer_wallet_id,
        "contractor_wallet_id": offer.contractor_wallet_id,
        "amount_minor": offer.fees.amount.amount_minor,
        "platform_fee_minor": offer.fees.platform_fee.amount_minor,
        "service_fee_minor": offer.fees.service_fee.amount_minor,
        "currency": offer.fees.amount.currency,
        "message": offer.message,
        "state": offer.state.value,
        "expires_at": offer.expires_at,
        "created_at": offer.created_at,
        "answered_at": offer.answered_at,
    }
