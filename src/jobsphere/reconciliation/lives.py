"""Every life cycle there is: where its things are kept, since when one is as it is, and whom to ask about it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Text,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.deposits.ask import ask as ask_about_deposit
from jobsphere.deposits.fees import FeeState
from jobsphere.deposits.lifecycle import OVER, DepositState
from jobsphere.deposits.saved_cards import CardState
from jobsphere.deposits.tables import charge_fees, deposits, saved_cards
from jobsphere.disputes.answer import AnswerState
from jobsphere.disputes.ask import ask as ask_about_dispute
from jobsphere.disputes.lifecycle import UNDECIDED, DisputeState, Shortfall
from jobsphere.disputes.tables import dispute_answers, disputes, fraud_warnings
from jobsphere.disputes.warnings import WarningState
from jobsphere.marketplace.job import JobState
from jobsphere.marketplace.offer import OfferState
from jobsphere.marketplace.tables import jobs, offers
from jobsphere.refunds.ask import ask as ask_about_refund
from jobsphere.refunds.lifecycle import RETURNED, RefundState
from jobsphere.refunds.tables import refunds
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.wallets.tables import freezes
from jobsphere.withdrawals.ask import ask as ask_about_withdrawal
from jobsphere.withdrawals.tables import withdrawals
from jobsphere.withdrawals.waiting import WATCHED
from jobsphere.withdrawals.withdrawal import WithdrawalState


@dataclass(frozen=True, slots=True)
class Asking:
    """What it takes to ask Stripe and to apply the answer."""

    engine: AsyncEngine
    gateway: StripeGateway
    clock: Clock
    ids: Ids
    shortfall: Shortfall


class InboxState(StrEnum):
    """How far an event is; the inbox itself (``webhooks``) stands above this folder."""

    NEW = "new"  # waits to be processed
    DONE = "done"  # what follows from it is stored
    IGNORED = "ignored"  # of a type or about a thing that does not concern us
    PARKED = "parked"  # a person must look at it


class FreezeState(StrEnum):
    """Whether somebody has to look at a freeze again."""

    DUE_FOR_REVIEW = "due_for_review"  # it is in force, and its review date is over


class PayoutState(StrEnum):
    """Whether what counts as paid may still come back."""

    WATCHED = "watched"  # its bank may send it back within these days; Stripe is asked once a day


# Asks Stripe about one thing and applies what it says, in database transactions of its own.
Ask = Callable[[Asking, UUID], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Life:
    """Where the things of one life cycle are kept, and since when one is in its state (or older)."""

    kind: str
    states: type[StrEnum]
    final: frozenset[StrEnum]
    table: FromClause
    state: ColumnElement[str]
    since: ColumnElement[datetime]
    ask: Ask | None = None
    amount_minor: ColumnElement[int] | None = None
    currency: ColumnElement[str] | None = None


async def _deposit(asking: Asking, id_: UUID) -> object:
    return await ask_about_deposit(asking.engine, asking.gateway, asking.clock, id_)


async def _refund(asking: Asking, id_: UUID) -> object:
    return await ask_about_refund(asking.engine, asking.gateway, asking.clock, asking.ids, id_)


async def _dispute(asking: Asking, id_: UUID) -> object:
    return await ask_about_dispute(
        asking.engine, asking.gateway, asking.clock, asking.ids, id_, shortfall=asking.shortfall
    )


async def _withdrawal(asking: Asking, id_: UUID) -> None:
    await ask_about_withdrawal(asking.engine, asking.gateway, asking.clock, id_)


_inbox = table(
    "webhook_events",
    column("id", BigInteger),
    column("status", Text),
    column("received_at", DateTime(timezone=True)),
)

_freezes = (
    select(freezes.c.id, literal_column("'due_for_review'").label("state"), freezes.c.review_at.label("since"))
    .where(freezes.c.lifted_at.is_(None), freezes.c.review_at <= func.now())
    .where(or_(freezes.c.ends_at.is_(None), freezes.c.ends_at > func.now()))
    .subquery("freezes_due")
)
# Since when nobody asked: the day it arrived, or that of the last question.
_payouts = (
    select(
        withdrawals.c.id,
        literal_column("'watched'").label("state"),
        func.coalesce(withdrawals.c.watched_at, withdrawals.c.estimated_arrival).label("since"),
        withdrawals.c.amount_minor,
        withdrawals.c.currency,
    )
    .where(withdrawals.c.state == WithdrawalState.PAID.value)
    .where(withdrawals.c.estimated_arrival > func.now() - WATCHED)
    .subquery("payouts_watched")
)

LIVES = (
    Life(
        "deposit",
        DepositState,
        frozenset(OVER),
        deposits,
        deposits.c.state,
        deposits.c.attempted_at,
        _deposit,
        deposits.c.amount_minor,
        deposits.c.currency,
    ),
    Life(
        "refund",
        RefundState,
        RETURNED | {RefundState.SUCCEEDED},
        refunds,
        refunds.c.state,
        refunds.c.created_at,
        _refund,
        refunds.c.amount_minor,
        refunds.c.currency,
    ),
    Life(
        "dispute",
        DisputeState,
        frozenset(DisputeState) - UNDECIDED,
        disputes,
        disputes.c.state,
        disputes.c.created_at,
        _dispute,
        disputes.c.amount_minor,
        disputes.c.currency,
    ),
    Life(
        "dispute answer",
        AnswerState,
        frozenset({AnswerState.SENT, AnswerState.REFUSED}),
        dispute_answers,
        dispute_answers.c.state,
        dispute_answers.c.created_at,
    ),
    Life(
        "fraud warning",
        WarningState,
        frozenset({WarningState.REVIEWED, WarningState.OVERTAKEN}),
        fraud_warnings,
        fraud_warnings.c.state,
        fraud_warnings.c.created_at,
    ),
    Life(
        "withdrawal",
        WithdrawalState,
        frozenset({WithdrawalState.PAID, WithdrawalState.RETURNED, WithdrawalState.CANCELED}),
        withdrawals,
        withdrawals.c.state,
        withdrawals.c.created_at,
        _withdrawal,
        withdrawals.c.amount_minor,
        withdrawals.c.currency,
    ),
    # A withdrawal ends with paid; for some days after that it is watched all the same (withdrawals/ask.py).
    Life(
        "payout",
        PayoutState,
        frozenset(),
        _payouts,
        _payouts.c.state,
        _payouts.c.since,
        None,
        _payouts.c.amount_minor,
        _payouts.c.currency,
    ),
    Life("freeze", FreezeState, frozenset(), _freezes, _freezes.c.state, _freezes.c.since),
    Life(
        "offer",
        OfferState,
        frozenset(
            {
                OfferState.COMPLETED,
                OfferState.DECLINED,
                OfferState.WITHDRAWN,
                OfferState.EXPIRED,
                OfferState.CANCELED,
            }
        ),
        offers,
        offers.c.state,
        offers.c.created_at,
        None,
        offers.c.amount_minor,
        offers.c.currency,
    ),
    Life(
        "fee",
        FeeState,
        frozenset({FeeState.BOOKED}),
        charge_fees,
        charge_fees.c.state,
        charge_fees.c.created_at,
    ),
    Life(
        "card",
        CardState,
        frozenset({CardState.SAVED, CardState.REMOVED}),
        saved_cards,
        saved_cards.c.state,
        saved_cards.c.created_at,
    ),
    Life(
        "job",
        JobState,
        frozenset({JobState.COMPLETED, JobState.CLOSED, JobState.CANCELED}),
        jobs,
        jobs.c.state,
        jobs.c.created_at,
    ),
    Life(
        "event",
        InboxState,
        frozenset({InboxState.DONE, InboxState.IGNORED}),
        _inbox,
        _inbox.c.status,
        _inbox.c.received_at,
    ),
)

# Life cycles that follow another one, or that are kept above this folder.
FOLLOWING: Mapping[str, str] = {
    "AccountState": "how a payout account stands; withdrawals that wait for it have their own rows",
    "TransactionStatus": "what people see of a deposit, refund or withdrawal",
    "PartState": "frozen money belongs to a dispute that is not decided",
    "AttemptState": "an open attempt belongs to a deposit that is not over",
}
