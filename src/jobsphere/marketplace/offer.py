"""An offer of a customer to a contractor, and the money that waits on it. Computes only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from jobsphere.ledger.accounts import Account, offer_escrow, wallet_available
from jobsphere.marketplace.fees import Fees
from jobsphere.marketplace.refusals import OfferExpired, OfferNotAccepted, OfferNotOpen

# lifecycle.md section 3: a timer ends an offer after 7 days, or after 1 to 30 as the customer chose.
DAYS_DEFAULT = 7
DAYS_MIN = 1
DAYS_MAX = 30


class OfferState(StrEnum):
    """What is true of an offer."""

    SENT = "sent"  # the contractor may answer; amount and platform fee wait in its escrow
    ACCEPTED = "accepted"  # the platform has its fee; the amount waits until the job is completed
    COMPLETED = "completed"  # the amount went to the contractor and the platform; the escrow is empty
    DECLINED = "declined"  # the contractor refused; everything went back to the customer
    WITHDRAWN = "withdrawn"  # the customer took it back before acceptance, with everything
    CANCELED = "canceled"  # accepted, then part of its money was lost to a dispute; the rest went back
    EXPIRED = "expired"  # not answered in time, or another one was accepted; everything went back


@dataclass(frozen=True, slots=True)
class Offer:
    """Terms for a job; they never change. ``answered_at`` is when it stopped being open."""

    id: UUID
    job_id: UUID
    customer_id: UUID
    contractor_id: UUID
    customer_wallet_id: UUID
    contractor_wallet_id: UUID
    fees: Fees
    message: str
    state: OfferState
    expires_at: datetime
    created_at: datetime
    answered_at: datetime | None = None

    @property
    def escrow(self) -> Account:
        """Where its money waits."""
        return offer_escrow(self.id, self.fees.amount.currency)

    @property
    def customer_available(self) -> Account:
        """Where its money comes from, and goes back to."""
        return wallet_available(self.customer_wallet_id, self.fees.amount.currency)

    @property
    def contractor_available(self) -> Account:
        """Where the contractor's pay goes."""
        return wallet_available(self.contractor_wallet_id, self.fees.amount.currency)


def expiry(sent_at: datetime, days: int) -> datetime:
    """When an offer sent at ``sent_at`` can no longer be accepted."""
    return sent_at + timedelta(days=days)


def require_sent(offer: Offer) -> None:
    """Raises ``OfferExpired`` or ``OfferNotOpen`` unless it waits for an answer, however late."""
    if offer.state is OfferState.EXPIRED:
        raise OfferExpired(offer.state)
    if offer.state is not OfferState.SENT:
        raise OfferNotOpen(offer.state)


def require_answerable(offer: Offer, *, now: datetime) -> None:
    """Raises ``OfferExpired`` or ``OfferNotOpen`` unless it may be accepted at ``now``."""
    require_sent(offer)
    # The timer may be late; the time on the offer decides, not the timer.
    if now >= offer.expires_at:
        raise OfferExpired(OfferState.EXPIRED)


def require_accepted(offer: Offer) -> None:
    """Raises ``OfferNotAccepted`` unless its contractor works on the job."""
    if offer.state is not OfferState.ACCEPTED:
        raise OfferNotAccepted(offer.state)
