"""What customers, contractors and admins are told about disputes, one plain sentence each. Computes only."""

from datetime import datetime
from uuid import UUID

from jobsphere.money import Money
from jobsphere.notifications.notice import Notice, NoticeType


def opened(dispute_id: UUID, user_id: UUID, amount: Money, frozen: Money) -> Notice:
    body = f"Your card's bank took back {amount} of a deposit."
    if frozen:
        body += f" {frozen} is set aside until the bank has decided."
    return _notice(dispute_id, "opened", user_id, NoticeType.DISPUTE_OPENED, "Payment disputed", body)


def won(dispute_id: UUID, user_id: UUID, amount: Money, lost: Money) -> Notice:
    body = f"The dispute of {amount} was decided: what was set aside is yours again."
    if lost:
        body = f"The dispute of {amount} was decided: {lost} stays with the card's bank, the rest is yours again."
    return _notice(dispute_id, "won", user_id, NoticeType.DISPUTE_WON, "Dispute decided", body)


def lost(dispute_id: UUID, user_id: UUID, amount: Money, debt: Money | None) -> Notice:
    body = f"The dispute of {amount} was decided: the money stays with the card's bank."
    if debt:
        body += f" {debt} of it was spent already: it is taken from what comes into your wallet next."
    return _notice(dispute_id, "lost", user_id, NoticeType.DISPUTE_LOST, "Dispute decided", body)


def to_answer(
    dispute_id: UUID, state: str, admin_id: UUID, amount: Money, reason: str, due_at: datetime | None
) -> Notice:
    """``state``: an inquiry that becomes a dispute is to be answered once more."""
    until = f" until {due_at:%Y-%m-%d %H:%M} UTC" if due_at else ""
    body = f"A card's bank disputes {amount} ({reason}). Submit evidence{until}, or accept it."
    return _notice(
        dispute_id, f"to_answer_{state}", admin_id, NoticeType.DISPUTE_TO_ANSWER, "Dispute to answer", body
    )


def due_soon(dispute_id: UUID, admin_id: UUID, amount: Money, due_at: datetime, hours: int) -> Notice:
    body = f"Evidence for the dispute of {amount} is due in less than {hours} hours: {due_at:%Y-%m-%d %H:%M} UTC."
    fact = f"due_in_{hours}h"
    return _notice(dispute_id, fact, admin_id, NoticeType.DISPUTE_TO_ANSWER, "Evidence is due", body)


def refused(answer_id: UUID, dispute_id: UUID, admin_id: UUID) -> Notice:
    body = "Stripe refused the answer to a dispute. Look at the dispute and answer it in Stripe's dashboard."
    type_ = NoticeType.DISPUTE_TO_ANSWER
    return _notice(dispute_id, f"answer:{answer_id}", admin_id, type_, "Answer refused", body)


def warned(warning_id: UUID, deposit_id: UUID, admin_id: UUID, amount: Money, refundable: Money) -> Notice:
    body = f"A card's bank warns that a deposit of {amount} is fraudulent."
    body += f" {refundable} of it is unspent: refund it to avoid a dispute." if refundable else " It is spent."
    return Notice(
        reference=f"fraud_warning:{warning_id}",
        user_id=admin_id,
        type=NoticeType.FRAUD_WARNING,
        title="Early fraud warning",
        body=body,
        data={"fraudWarningId": str(warning_id), "depositId": str(deposit_id)},
    )


def _notice(dispute_id: UUID, fact: str, user_id: UUID, type_: NoticeType, title: str, body: str) -> Notice:
    return Notice(
        reference=f"dispute:{dispute_id}:{fact}",
        user_id=user_id,
        type=type_,
        title=title,
        body=body,
        data={"disputeId": str(dispute_id)},
    )
