"""What a withdrawal waits for, in every state that is not the end: why, what to do, and until when. Rules only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobsphere.withdrawals import reasons
from jobsphere.withdrawals.expected import arrival
from jobsphere.withdrawals.reasons import Reason
from jobsphere.withdrawals.withdrawal import Withdrawal, WithdrawalState

# Stripe answers within this, or the call is repeated (lifecycle.md section 12: transfer answer).
_ANSWER = timedelta(minutes=5)
# By then a call that was not answered is proven to have happened or not (stripe_gateway/once.py).
_PROOF = timedelta(hours=24)
# Stripe says after how many days a payout is final (stripe.md section 3).
WATCHED = timedelta(days=10)

_ALWAYS = {
    WithdrawalState.REQUESTED: (reasons.BEING_SENT, _ANSWER),
    WithdrawalState.HELD_FOR_REVIEW: (reasons.IN_REVIEW, timedelta(days=1)),
    WithdrawalState.RESERVED: (reasons.BEING_SENT, _ANSWER),
    WithdrawalState.TRANSFERRING: (reasons.BEING_SENT, _ANSWER),
    WithdrawalState.TRANSFERRED: (reasons.BEING_SENT, _ANSWER),
    WithdrawalState.PAYING_OUT: (reasons.BEING_SENT, _ANSWER),
    WithdrawalState.IN_TRANSIT: (reasons.ON_ITS_WAY, timedelta(days=2)),
    WithdrawalState.FAILED: (reasons.BEING_RETURNED, _ANSWER),
    WithdrawalState.REVERSING: (reasons.BEING_RETURNED, _ANSWER),
    WithdrawalState.UNRESOLVED: (reasons.ANSWER_LOST, _PROOF),
}


_GOES_BACK = (
    WithdrawalState.FAILED,
    WithdrawalState.REVERSING,
    WithdrawalState.RETURNED,
    WithdrawalState.CANCELED,
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why it is not at its end yet, and when that is expected to change."""

    reason: Reason
    until: datetime


def waiting(withdrawal: Withdrawal, now: datetime) -> Waiting | None:
    """What it waits for; None at its end (paid, returned or canceled)."""
    if withdrawal.state not in _ALWAYS:
        return None
    reason, usual = _ALWAYS[withdrawal.state]
    expected = withdrawal.waits_until
    if withdrawal.state is WithdrawalState.IN_TRANSIT:
        expected = withdrawal.estimated_arrival
    # A date that is over tells nothing: then the usual time from now on.
    until = expected if expected is not None and expected > now else now + usual
    return Waiting(reasons.by_code(withdrawal.reason) or reason, until)


def arrives_at(withdrawal: Withdrawal, now: datetime) -> datetime | None:
    """When the money is, or was, at the bank, as far as can be told; None where it goes back to the wallet."""
    if withdrawal.doing in _GOES_BACK:
        return None
    if withdrawal.state in (WithdrawalState.IN_TRANSIT, WithdrawalState.PAID):
        return withdrawal.estimated_arrival
    # Nothing has left for the bank yet: what it waits for comes first.
    sent_at = max(withdrawal.waits_until or now, now)
    told = withdrawal.estimated_arrival
    return told if told is not None and withdrawal.waits_until is None and told > now else arrival(sent_at)


def is_watched(withdrawal: Withdrawal, now: datetime) -> bool:
    """Whether the bank may still send back what counts as paid."""
    arrived = withdrawal.estimated_arrival or withdrawal.created_at
    return withdrawal.state is WithdrawalState.PAID and now - arrived < WATCHED
