"""What can happen to an offer, and to its job with it (lifecycle.md sections 3 and 4). Rules only, no I/O.

Every move goes forward: sent to accepted, declined, withdrawn or expired; accepted to completed. The postings
and their references are those of design.md, "What each operation posts".
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from jobsphere.ledger.accounts import Account, platform_fees, service_fees
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.marketplace import job as jobs
from jobsphere.marketplace import notices
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.offer import (
    Offer,
    OfferState,
    require_accepted,
    require_answerable,
    require_sent,
)
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice

# Those of ``TransactionType`` that an offer makes; by name, because rules import nothing that knows a database.
MovementType = Literal["escrow_hold", "platform_fee", "service_fee", "contractor_payout", "refund"]


class OfferNotDue(Exception):
    """The offer may still be answered; the timer came too early, which is a mistake of its code."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A transaction that people will see, before it has an id and a time."""

    type: MovementType
    amount: Money
    from_wallet_id: UUID | None
    to_wallet_id: UUID | None
    description: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a deed leads to: the offer as it is now, and all that is stored with it.

    ``job`` is the job as it is now, None when it stays as it was; ``entry`` is None when nothing moves
    (a fee that rounds to zero).
    """

    offer: Offer
    entry: Entry | None
    movements: tuple[Movement, ...]
    notices: tuple[Notice, ...]
    job: Job | None = None


def send(job: Job, offer: Offer) -> Step:
    """The customer sets the amount and the platform fee aside and asks the contractor."""
    jobs.require_open(job)
    require_sent(offer)
    hold = offer.fees.hold
    return Step(
        offer,
        _entry(offer, "send", (offer.customer_available, offer.escrow, hold)),
        (_paid(offer, "escrow_hold", hold, f"Protected payment for “{job.title}”"),),
        notices.received(job, offer),
    )


def accept(job: Job, offer: Offer, *, now: datetime) -> Step:
    """The contractor takes the job: the platform earns its fee, the amount stays in escrow."""
    require_answerable(offer, now=now)
    fee = offer.fees.platform_fee
    return Step(
        _answered(offer, OfferState.ACCEPTED, now),
        _entry(offer, "accept", (offer.escrow, platform_fees(fee.currency), fee)),
        _without_zero(_paid(offer, "platform_fee", fee, f"Platform fee for “{job.title}”")),
        notices.accepted(job, offer),
        jobs.assign(job),
    )


def decline(job: Job, offer: Offer, *, now: datetime) -> Step:
    """The contractor refuses; everything goes back."""
    return _released(job, offer, OfferState.DECLINED, "decline", notices.declined(job, offer), now)


def withdraw(job: Job, offer: Offer, *, now: datetime) -> Step:
    """The customer takes it back before acceptance, with everything."""
    return _released(job, offer, OfferState.WITHDRAWN, "withdraw", notices.withdrawn(job, offer), now)


def expire(job: Job, offer: Offer, *, now: datetime) -> Step:
    """Nobody answered in time; everything goes back.

    Raises:
        OfferNotDue: the time is not over yet.
    """
    require_sent(offer)
    if now < offer.expires_at:
        raise OfferNotDue(offer.id)
    return _released(job, offer, OfferState.EXPIRED, "expire", notices.expired(job, offer), now)


def give_way(job: Job, offer: Offer, *, now: datetime) -> Step:
    """Another offer for the job was accepted: this one expires at once (lifecycle.md section 3, rules)."""
    return _released(job, offer, OfferState.EXPIRED, "expire", notices.gave_way(job, offer), now)


def complete(job: Job, offer: Offer, *, now: datetime) -> Step:
    """The customer confirms the work: the amount goes to the contractor, but for the service fee."""
    completed_job = jobs.complete(job, now=now)
    require_accepted(offer)
    fees = offer.fees
    pay = _paid(offer, "contractor_payout", fees.pay, f"Payment for “{job.title}”")
    fee = _paid(offer, "service_fee", fees.service_fee, f"Service fee for “{job.title}”")
    return Step(
        replace(offer, state=OfferState.COMPLETED),
        _entry(
            offer,
            "complete",
            (offer.escrow, offer.contractor_available, fees.pay),
            (offer.escrow, service_fees(fees.service_fee.currency), fees.service_fee),
        ),
        _without_zero(replace(pay, to_wallet_id=offer.contractor_wallet_id), fee),
        notices.completed(job, offer),
        completed_job,
    )


def cancel(job: Job, offer: Offer, left: Money) -> Step:
    """Part of an accepted offer's money was lost to a dispute: the job ends, and ``left`` goes back.

    The platform fee stays taken (lifecycle.md section 6, case E).
    """
    require_accepted(offer)
    description = f"Rest of the protected payment for “{job.title}” returned"
    back = Movement("refund", left, None, offer.customer_wallet_id, description)
    return Step(
        replace(offer, state=OfferState.CANCELED),
        _entry(offer, "cancel", (offer.escrow, offer.customer_available, left)),
        _without_zero(back),
        notices.canceled(job, offer),
        jobs.cancel(job),
    )


def _released(
    job: Job, offer: Offer, state: OfferState, deed: str, told: tuple[Notice, ...], now: datetime
) -> Step:
    require_sent(offer)
    hold = offer.fees.hold
    description = f"Protected payment for “{job.title}” returned"
    return Step(
        _answered(offer, state, now),
        _entry(offer, deed, (offer.escrow, offer.customer_available, hold)),
        (Movement("refund", hold, None, offer.customer_wallet_id, description),),
        told,
    )


def _answered(offer: Offer, state: OfferState, now: datetime) -> Offer:
    return replace(offer, state=state, answered_at=now)


def _entry(offer: Offer, deed: str, *moves: tuple[Account, Account, Money]) -> Entry | None:
    """One posting for each debit, credit and amount; None if every amount is zero."""
    postings = tuple(Posting(debit, credit, amount) for debit, credit, amount in moves if amount)
    return Entry(f"offer:{offer.id}:{deed}", postings) if postings else None


def _paid(offer: Offer, type_: MovementType, amount: Money, description: str) -> Movement:
    """Out of the customer's wallet; to the platform unless said otherwise."""
    return Movement(type_, amount, offer.customer_wallet_id, None, description)


def _without_zero(*movements: Movement) -> tuple[Movement, ...]:
    return tuple(movement for movement in movements if movement.amount)
