"""What we know that speaks against a dispute, as the fields of Stripe's evidence: collected anew, never stored.

docs.stripe.com/disputes/evidence-best-practices asks for who the customer is, what was bought, when it was
delivered, and how the payment was authenticated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits.lifecycle import Deposit
from jobsphere.deposits.store import find as find_deposit
from jobsphere.disputes.lifecycle import Dispute
from jobsphere.identity.people import User, find_user
from jobsphere.marketplace.tables import jobs, offers
from jobsphere.money import Money

# Stripe takes 20,000 characters a field.
LINES_MAX = 150


@dataclass(frozen=True, slots=True)
class Deal:
    """What the customer bought: an offer that was accepted, and how far its job came."""

    title: str
    amount: Money
    offered_at: datetime
    accepted_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """Everything we know that may be submitted."""

    customer: User
    deposit: Deposit
    deals: Sequence[Deal]


async def known(connection: AsyncConnection, dispute: Dispute) -> Known:
    """Customer, deposit, and what was bought since with money of the wallet, oldest first."""
    customer = await find_user(connection, dispute.user_id)
    deposit = await find_deposit(connection, dispute.deposit_id)
    assert customer is not None
    assert deposit is not None
    o, j = offers.c, jobs.c
    was_accepted = or_(o.state == "accepted", o.state == "completed", o.state == "canceled")
    query = (
        select(j.title, o.amount_minor, o.currency, o.created_at, o.answered_at, j.completed_at)
        .join_from(offers, jobs, j.id == o.job_id)
        .where(o.customer_id == dispute.user_id, was_accepted, o.answered_at >= deposit.created_at)
        .order_by(o.answered_at)
        .limit(LINES_MAX)
    )
    rows = await connection.execute(query)
    deals = [Deal(row.title, Money(row.amount_minor, row.currency), *row[3:]) for row in rows]
    return Known(customer, deposit, deals)


def collect(known: Known, three_d_secure: str | None) -> dict[str, str]:
    """The evidence under Stripe's names; a field about which nothing is known is left out."""
    evidence = {
        "customer_name": known.customer.name,
        "customer_email_address": known.customer.email,
        "product_description": _description(known),
        "access_activity_log": _log(known, three_d_secure),
    }
    completed = [deal.completed_at for deal in known.deals if deal.completed_at is not None]
    if completed:
        evidence["service_date"] = f"{completed[-1]:%Y-%m-%d}"
    return evidence


def _description(known: Known) -> str:
    lines = [f"{known.deposit.amount} was paid into the customer's wallet on a marketplace for services."]
    lines.extend(f"With it the customer paid {deal.amount} for “{deal.title}”." for deal in known.deals)
    return "\n".join(lines)


def _log(known: Known, three_d_secure: str | None) -> str:
    lines = [(known.customer.created_at, "The customer registered.")]
    how = f" (3-D Secure: {three_d_secure})" if three_d_secure else ""
    lines.append((known.deposit.created_at, f"The customer paid {known.deposit.amount} by card{how}."))
    for deal in known.deals:
        lines.append((deal.offered_at, f"The customer offered {deal.amount} for “{deal.title}”."))
        lines.append((deal.accepted_at, "A contractor accepted the offer."))
        if deal.completed_at is not None:
            lines.append((deal.completed_at, "The customer confirmed that the work is done."))
    return "\n".join(f"{at:%Y-%m-%d %H:%M} UTC  {what}" for at, what in sorted(lines))
