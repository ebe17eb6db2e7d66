"""Every state in which something is still owed: how long is normal, whom to ask, and when a person must look.

One row for each non-final state of every life cycle. ``look_after.py`` goes by it, admins read it
(``jobsphere obligations``), and a test fails when a state is added without its row.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from jobsphere.deposits.fees import FeeState
from jobsphere.deposits.lifecycle import DepositState
from jobsphere.deposits.saved_cards import CardState
from jobsphere.disputes.answer import AnswerState
from jobsphere.disputes.lifecycle import DisputeState
from jobsphere.disputes.warnings import WarningState
from jobsphere.marketplace.job import JobState
from jobsphere.marketplace.offer import OfferState
from jobsphere.reconciliation.lives import FreezeState, InboxState, Life, PayoutState
from jobsphere.refunds.lifecycle import RefundState
from jobsphere.withdrawals.withdrawal import WithdrawalState


@dataclass(frozen=True, slots=True)
class Obligation:
    """A state that must end. After ``normal`` Stripe is asked, after ``limit`` admins are told, once.

    ``asks`` says what is asked, ``next_step`` what a person does.
    """

    state: StrEnum
    normal: timedelta
    limit: timedelta
    asks: str
    next_step: str


_MINUTES_10, _HOUR, _DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)
_RESENDS = "the call is repeated with its key, and looked up when the key is too old"

OBLIGATIONS = (
    Obligation(
        DepositState.CREATED,
        _MINUTES_10,
        2 * _HOUR,
        _RESENDS,
        "look whether Stripe answers; it gives up by itself",
    ),
    Obligation(DepositState.CONFIRMING, _MINUTES_10, 2 * _HOUR, _RESENDS, "look at the PaymentIntent at Stripe"),
    Obligation(
        DepositState.REQUIRES_ACTION,
        _HOUR,
        timedelta(hours=26),
        "its PaymentIntent; after a day it is canceled",
        "cancel the PaymentIntent at Stripe",
    ),
    Obligation(
        DepositState.DECLINED,
        _HOUR,
        timedelta(hours=26),
        "its PaymentIntent; after a day it is canceled",
        "cancel the PaymentIntent at Stripe",
    ),
    Obligation(
        DepositState.PROCESSING,
        _MINUTES_10,
        10 * _DAY,
        "its PaymentIntent",
        "ask Stripe's support what the PaymentIntent waits for",
    ),
    Obligation(
        RefundState.REQUESTED, _MINUTES_10, 2 * _DAY, _RESENDS, "look whether the platform's balance covers it"
    ),
    Obligation(RefundState.SENDING, _MINUTES_10, 2 * _DAY, _RESENDS, "look for the refund at Stripe"),
    Obligation(
        RefundState.PENDING, _DAY, 30 * _DAY, "all refunds of its payment", "look at the refund's reason at Stripe"
    ),
    Obligation(
        FeeState.PENDING,
        _HOUR,
        7 * _DAY,
        "its charge, again and again, by the worker",
        "look at the charge's balance transaction at Stripe",
    ),
    Obligation(
        CardState.REMOVING, _MINUTES_10, _DAY, f"by the worker: {_RESENDS}", "detach the payment method at Stripe"
    ),
    Obligation(
        DisputeState.INQUIRY, _DAY, 130 * _DAY, "it", "answer it or refund it at Stripe; it closes by itself"
    ),
    Obligation(DisputeState.OPEN, _DAY, 30 * _DAY, "it", "submit evidence or accept it before its deadline"),
    Obligation(
        DisputeState.UNDER_REVIEW, _DAY, 100 * _DAY, "it", "ask Stripe's support; banks take up to 75 days"
    ),
    Obligation(DisputeState.DECIDED, _HOUR, 100 * _DAY, "it", "look for its balance transactions at Stripe"),
    Obligation(
        AnswerState.SENDING, _MINUTES_10, _DAY, f"by the worker: {_RESENDS}", "submit it in Stripe's dashboard"
    ),
    Obligation(
        WarningState.OPEN,
        _HOUR,
        2 * _DAY,
        "nobody: a person decides",
        "refund the payment, or mark it as reviewed",
    ),
    Obligation(
        WithdrawalState.REQUESTED,
        _HOUR,
        _DAY,
        "nobody: it is decided in the request",
        "tell the developers: no withdrawal is stored like this",
    ),
    Obligation(
        WithdrawalState.HELD_FOR_REVIEW,
        _DAY,
        3 * _DAY,
        "nobody: a person decides",
        "approve or reject it",
    ),
    Obligation(
        WithdrawalState.UNRESOLVED,
        _HOUR,
        _DAY,
        "for what the lost call may have made, again and again",
        "look for its transfer, payout or reversal at Stripe; of a lost account ask Stripe's support",
    ),
    Obligation(
        WithdrawalState.RESERVED,
        _HOUR,
        14 * _DAY,
        "the platform's balance, again and again",
        "top the platform's balance up at Stripe, or find what holds the withdrawal back",
    ),
    Obligation(
        WithdrawalState.TRANSFERRING, _MINUTES_10, _DAY, _RESENDS, "look for its transfer at Stripe by its group"
    ),
    Obligation(
        WithdrawalState.TRANSFERRED,
        _HOUR,
        14 * _DAY,
        "the connected account's balance, again and again",
        "look at the account at Stripe: are its payouts stopped?",
    ),
    Obligation(
        WithdrawalState.PAYING_OUT, _MINUTES_10, _DAY, _RESENDS, "look for its payout on the connected account"
    ),
    Obligation(
        WithdrawalState.IN_TRANSIT,
        _DAY,
        14 * _DAY,
        "its payout",
        "ask Stripe's support where the payout is",
    ),
    Obligation(
        WithdrawalState.FAILED,
        _HOUR,
        14 * _DAY,
        "to reverse the transfer, again and again",
        "find out why the transfer cannot be reversed: is the account's balance negative?",
    ),
    Obligation(WithdrawalState.REVERSING, _MINUTES_10, _DAY, _RESENDS, "look for the reversal at Stripe"),
    Obligation(
        PayoutState.WATCHED,
        _DAY,
        3 * _DAY,
        "it, once a day for ten days after its arrival, by the worker",
        "look whether the worker runs, and at the payout at Stripe",
    ),
    Obligation(
        FreezeState.DUE_FOR_REVIEW,
        timedelta(0),
        timedelta(0),
        "nobody: a person decides",
        "lift it; if it has to stay, put one with another review date in its place first",
    ),
    Obligation(
        OfferState.SENT,
        timedelta(days=30),
        timedelta(days=30, hours=1),
        "nobody: it expires by its own time",
        "look whether the worker runs",
    ),
    Obligation(
        OfferState.ACCEPTED,
        timedelta(days=60),
        timedelta(days=85),
        "nobody: the customer completes the job",
        "ask customer and contractor, and decide",
    ),
    Obligation(
        JobState.OPEN,
        timedelta(days=365),
        timedelta(days=730),
        "nobody: its customer closes it",
        "nothing: no money waits on it",
    ),
    Obligation(
        JobState.ASSIGNED,
        timedelta(days=60),
        timedelta(days=85),
        "nobody: the customer completes it",
        "ask customer and contractor, and decide",
    ),
    Obligation(
        JobState.PAUSED,
        100 * _DAY,
        100 * _DAY,
        "nobody: it waits for a dispute of its customer's payment",
        "look at the dispute, and decide",
    ),
    Obligation(
        InboxState.NEW,
        _HOUR,
        6 * _HOUR,
        "nobody: it is tried again after growing gaps",
        "look whether the worker runs, and at the event's error",
    ),
    Obligation(
        InboxState.PARKED,
        timedelta(0),
        timedelta(0),
        "nobody",
        "correct the cause and replay it: jobsphere events parked",
    ),
)


def obligations_of(life: Life) -> tuple[Obligation, ...]:
    """The rows of a life cycle, in the order of its states."""
    return tuple(row for row in OBLIGATIONS if isinstance(row.state, life.states))
