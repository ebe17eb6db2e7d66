"""What each side is told about an offer, one plain sentence each. Computes only.

People read "protected payment" and "project funds"; *escrow* is an internal word (lifecycle.md, fact 1).
"""

from uuid import UUID

from jobsphere.marketplace.job import Job
from jobsphere.marketplace.offer import Offer
from jobsphere.notifications.notice import Notice, NoticeType


def received(job: Job, offer: Offer) -> tuple[Notice, ...]:
    body = f"You have an offer of {_terms(job, offer)}; the money is set aside as a protected payment."
    return (_notice(offer, "send", offer.contractor_id, NoticeType.OFFER_RECEIVED, "Offer received", body),)


def accepted(job: Job, offer: Offer) -> tuple[Notice, ...]:
    body = (
        f"Your offer of {_terms(job, offer)} was accepted; "
        "the project funds stay protected until you confirm the work."
    )
    return (_notice(offer, "accept", offer.customer_id, NoticeType.OFFER_ACCEPTED, "Offer accepted", body),)


def declined(job: Job, offer: Offer) -> tuple[Notice, ...]:
    body = f"Your offer of {_terms(job, offer)} was declined; {_returned(offer)}"
    return (_notice(offer, "decline", offer.customer_id, NoticeType.OFFER_DECLINED, "Offer declined", body),)


def withdrawn(job: Job, offer: Offer) -> tuple[Notice, ...]:
    body = f"The customer withdrew the offer of {_terms(job, offer)}."
    return (_notice(offer, "withdraw", offer.contractor_id, NoticeType.OFFER_WITHDRAWN, "Offer withdrawn", body),)


def expired(job: Job, offer: Offer) -> tuple[Notice, ...]:
    terms = _terms(job, offer)
    return _ended(
        offer,
        f"Your offer of {terms} was not answered in time; {_returned(offer)}",
        f"The offer of {terms} expired before you answered.",
    )


def gave_way(job: Job, offer: Offer) -> tuple[Notice, ...]:
    terms = _terms(job, offer)
    return _ended(
        offer,
        f"Your offer of {terms} ended because another one for the job was accepted; {_returned(offer)}",
        f"The offer of {terms} ended because another one for the job was accepted.",
    )


def completed(job: Job, offer: Offer) -> tuple[Notice, ...]:
    type_, title = NoticeType.JOB_COMPLETED, "Job completed"
    to_contractor = f"“{job.title}” is completed; {offer.fees.pay} is now in your wallet."
    to_customer = f"“{job.title}” is completed; the protected payment of {offer.fees.amount} was released."
    return (
        _notice(offer, "complete", offer.contractor_id, type_, title, to_contractor),
        _notice(offer, "complete", offer.customer_id, type_, title, to_customer),
    )


def paused(job: Job, offer: Offer, times: int) -> tuple[Notice, ...]:
    """``times`` tells one pause from another of the same job."""
    type_, title = NoticeType.JOB_PAUSED, "Job paused"
    to_contractor = f"The payment for “{job.title}” is disputed; the job is paused until that is decided."
    to_customer = f"“{job.title}” is paused, because its payment is disputed by your card's bank."
    return (
        _notice(offer, f"pause:{times}", offer.contractor_id, type_, title, to_contractor),
        _notice(offer, f"pause:{times}", offer.customer_id, type_, title, to_customer),
    )


def resumed(job: Job, offer: Offer, times: int) -> tuple[Notice, ...]:
    type_, title = NoticeType.JOB_RESUMED, "Job resumed"
    body = f"The payment for “{job.title}” is safe again; the job goes on."
    people = (offer.contractor_id, offer.customer_id)
    return tuple(_notice(offer, f"resume:{times}", person, type_, title, body) for person in people)


def canceled(job: Job, offer: Offer) -> tuple[Notice, ...]:
    type_, title = NoticeType.JOB_CANCELED, "Job canceled"
    body = f"“{job.title}” is canceled: its payment went back to a card after a dispute."
    people = (offer.contractor_id, offer.customer_id)
    return tuple(_notice(offer, "cancel", person, type_, title, body) for person in people)


def _ended(offer: Offer, to_customer: str, to_contractor: str) -> tuple[Notice, ...]:
    type_, title = NoticeType.OFFER_EXPIRED, "Offer expired"
    return (
        _notice(offer, "expire", offer.customer_id, type_, title, to_customer),
        _notice(offer, "expire", offer.contractor_id, type_, title, to_contractor),
    )


def _terms(job: Job, offer: Offer) -> str:
    return f"{offer.fees.amount} for “{job.title}”"


def _returned(offer: Offer) -> str:
    return f"{offer.fees.hold} is back in your wallet."


def _notice(offer: Offer, deed: str, user_id: UUID, type_: NoticeType, title: str, body: str) -> Notice:
    return Notice(
        reference=f"offer:{offer.id}:{deed}",
        user_id=user_id,
        type=type_,
        title=title,
        body=body,
        data={"offerId": str(offer.id), "jobId": str(offer.job_id)},
    )
