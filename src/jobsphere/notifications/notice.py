"""A notification before it is stored: what rules return and verbs save."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class NoticeType(StrEnum):
    """What a notification is about; frontends choose an icon or a page by it."""

    PAYMENT_RECEIVED = "payment_received"  # a deposit is in the wallet
    PAYMENT_FAILED = "payment_failed"  # a deposit was declined or given up
    PAYMENT_REFUNDED = "payment_refunded"  # money of a deposit went back to its card
    REFUND_FAILED = "refund_failed"  # a refund did not reach the card; the money is back in the wallet
    DISPUTE_OPENED = "dispute_opened"  # a card's bank took a deposit back; what the wallet held is set aside
    DISPUTE_WON = "dispute_won"  # what was set aside is in the wallet again
    DISPUTE_LOST = "dispute_lost"  # the money stays with the card's bank
    DISPUTE_TO_ANSWER = "dispute_to_answer"  # an admin is to submit evidence, or to accept the dispute
    FRAUD_WARNING = "fraud_warning"  # an admin is to look at a deposit that its bank calls fraudulent
    JOB_PAUSED = "job_paused"  # its payment is disputed; it waits until that is decided
    JOB_RESUMED = "job_resumed"  # its payment is safe again; the work goes on
    JOB_CANCELED = "job_canceled"  # its payment was lost; the work ends
    WITHDRAWAL_COMPLETED = "withdrawal_completed"  # the bank has the money
    WITHDRAWAL_FAILED = "withdrawal_failed"  # the money is back in the wallet
    OFFER_RECEIVED = "offer_received"  # a customer offers a job to a contractor
    OFFER_ACCEPTED = "offer_accepted"  # the contractor took it
    OFFER_DECLINED = "offer_declined"  # the contractor refused it, the hold is released
    OFFER_WITHDRAWN = "offer_withdrawn"  # the customer took it back before acceptance
    OFFER_EXPIRED = "offer_expired"  # nobody answered in time, the hold is released
    JOB_COMPLETED = "job_completed"  # the customer confirmed the work, the contractor is paid
    ACCOUNT_UPDATED = "account_updated"  # the contractor's payout account can, or can no longer, be paid
    BANK_ACCOUNT_CHANGED = "bank_account_changed"  # another bank account took the place of the one before
    WALLET_FROZEN = "wallet_frozen"  # the owner cannot use the wallet as before
    WALLET_THAWED = "wallet_thawed"  # a freeze ended; another one may still be in force
    ATTENTION_NEEDED = "attention_needed"  # something waits for longer than it may: for admins


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell ``user_id`` once what happened; ``reference`` names the fact, ``data`` helps a frontend link to it."""

    reference: str
    user_id: UUID
    type: NoticeType
    title: str
    body: str
    data: Mapping[str, str] = field(default_factory=dict)
