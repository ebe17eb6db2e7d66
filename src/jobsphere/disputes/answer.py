"""Answer a dispute: an admin submits evidence, or accepts it; a bank takes one answer, so it is sent once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere import due
from jobsphere.audit.write import write as write_audit
from jobsphere.clock import Clock
from jobsphere.database import in_own_transaction, reading
from jobsphere.deposits.store import lock as lock_deposit
from jobsphere.disputes import notices, store
from jobsphere.disputes.lifecycle import ANSWERABLE, DisputeState
from jobsphere.disputes.tables import dispute_answers
from jobsphere.notifications.write import notify
from jobsphere.observability import logger
from jobsphere.stripe_gateway import calls, once
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.dispute import Dispute as Report
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.once import Once

TRY_GAP_SECONDS_MAX = 300
_ANSWERED = frozenset({"under_review", "warning_under_review", "won", "lost", "warning_closed"})

log = logger(__name__)


class AnswerKind(StrEnum):
    """What is answered."""

    EVIDENCE = "evidence"  # the payment was right, and this shows it
    ACCEPTANCE = "acceptance"  # the customer may keep the money


class AnswerState(StrEnum):
    """How far an answer is."""

    SENDING = "sending"  # it may have been sent; its outcome may be unknown
    SENT = "sent"  # Stripe has it
    REFUSED = "refused"  # Stripe did not take it; another one may be given


class NotAnswerable(Exception):
    """The dispute is decided, was answered, or is an inquiry, which is accepted by a refund."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a dispute; ``evidence`` has Stripe's names for what it submits."""

    id: UUID
    dispute_id: UUID
    kind: AnswerKind
    evidence: Mapping[str, str]
    state: AnswerState
    attempt: int
    answered_by: UUID
    tries: int
    created_at: datetime

    @property
    def key(self) -> str:
        """The idempotency key of the attempt it is at."""
        return f"dispute_answer:{self.id}:{self.attempt}"


async def answer(
    connection: AsyncConnection,
    dispute_id: UUID,
    *,
    answer_id: UUID,
    kind: AnswerKind,
    evidence: Mapping[str, str],
    admin_id: UUID,
    now: datetime,
) -> Answer:
    """Keep an answer; ``send`` takes it to Stripe.

    Raises:
        DisputeNotFound: there is no such dispute.
        NotAnswerable: it takes no answer, or no other one.
    """
    dispute = await store.find(connection, dispute_id)
    await lock_deposit(connection, dispute.deposit_id)
    dispute = await store.find(connection, dispute_id)
    given = await answers_of(connection, dispute_id)
    is_inquiry_to_accept = kind is AnswerKind.ACCEPTANCE and dispute.state is DisputeState.INQUIRY
    if dispute.state not in ANSWERABLE or is_inquiry_to_accept:
        raise NotAnswerable(dispute.state.value)
    if any(one.state is not AnswerState.REFUSED for one in given):
        raise NotAnswerable("answered")
    new = Answer(answer_id, dispute_id, kind, evidence, AnswerState.SENDING, 1, admin_id, 0, now)
    await connection.execute(
        insert(dispute_answers).values(
            id=new.id,
            dispute_id=dispute_id,
            kind=kind.value,
            evidence=dict(evidence),
            state=new.state.value,
            answered_by=admin_id,
            next_try_at=now,
            created_at=now,
        )
    )
    await calls.begin(connection, new.key, now=now)
    await write_audit(
        connection, actor_id=admin_id, action=f"dispute.{kind.value}", subject=f"dispute:{dispute_id}", now=now
    )
    return new


async def answers_of(connection: AsyncConnection, dispute_id: UUID) -> list[Answer]:
    """Every answer that was given, oldest first."""
    c = dispute_answers.c
    rows = await connection.execute(
        select(dispute_answers).where(c.dispute_id == dispute_id).order_by(c.created_at)
    )
    return [_answer(row) for row in rows]


async def send(engine: AsyncEngine, gateway: StripeGateway, clock: Clock, answer_id: UUID) -> None:
    """Take an answer to Stripe; an outcome that stays unknown is tried again later, with the same key."""
    async with reading(engine) as connection:
        given = await _find(connection, answer_id)
        dispute = await store.find(connection, given.dispute_id)
    if given.state is not AnswerState.SENDING:
        return
    try:
        made = await once.send(engine, clock, _call(gateway, given, dispute.stripe_dispute_id))
    except Refused as refusal:
        await _refused(engine, given, refusal.code, clock.now())
    except (OutcomeUnknown, StripeMisconfigured) as error:
        log.warning("dispute.answer_unknown", answer_id=str(answer_id), cause=str(error))
        await _try_later(engine, given, clock.now())
    else:
        await _sent(engine, given, made.id, clock.now())


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[UUID]:
    """The ids of answers to send; nobody else gets them until the lease is over."""
    rows = await due.claim(
        connection, dispute_answers, dispute_answers.c.id, now=now, lease_seconds=lease_seconds, limit=limit
    )
    return [row.id for row in rows]


def _call(gateway: StripeGateway, given: Answer, stripe_dispute_id: str) -> Once[Report]:
    async def look_up(_since: datetime) -> Report | None:
        # A bank takes one answer, so one that is there is this one.
        found = await gateway.retrieve_dispute(stripe_dispute_id)
        return found if found.submissions or found.status in _ANSWERED else None

    if given.kind is AnswerKind.ACCEPTANCE:
        return Once(given.key, partial(gateway.accept_dispute, stripe_dispute_id, key=given.key), look_up)
    submit = partial(gateway.submit_evidence, stripe_dispute_id, evidence=given.evidence, key=given.key)
    return Once(given.key, submit, look_up)


@in_own_transaction
async def _sent(connection: AsyncConnection, given: Answer, object_id: str, now: datetime) -> None:
    await calls.succeeded(connection, given.key, object_id=object_id, now=now)
    await _end(connection, given, AnswerState.SENT)


@in_own_transaction
async def _refused(connection: AsyncConnection, given: Answer, code: str | None, now: datetime) -> None:
    await calls.refused(connection, given.key, code=code, now=now)
    if code == calls.NEVER_HAPPENED:
        await _again(connection, given, now)
        return
    log.warning("dispute.answer_refused", answer_id=str(given.id), code=code)
    if await _end(connection, given, AnswerState.REFUSED):
        await notify(connection, [notices.refused(given.id, given.dispute_id, given.answered_by)], now=now)


async def _again(connection: AsyncConnection, given: Answer, now: datetime) -> None:
    c = dispute_answers.c
    next_ = c.attempt + 1
    changed = await connection.execute(
        update(dispute_answers)
        .where(c.id == given.id, c.attempt == given.attempt, c.state == AnswerState.SENDING.value)
        .values(attempt=next_, next_try_at=now)
        .returning(c.attempt)
    )
    if (attempt := changed.scalar_one_or_none()) is not None:
        await calls.begin(connection, f"dispute_answer:{given.id}:{attempt}", now=now)


async def _end(connection: AsyncConnection, given: Answer, state: AnswerState) -> bool:
    c = dispute_answers.c
    changed = await connection.execute(
        update(dispute_answers)
        .where(c.id == given.id, c.attempt == given.attempt, c.state == AnswerState.SENDING.value)
        .values(state=state.value, next_try_at=None)
        .returning(c.id)
    )
    return changed.one_or_none() is not None


@in_own_transaction
async def _try_later(connection: AsyncConnection, given: Answer, now: datetime) -> None:
    gap = TRY_GAP_SECONDS_MAX
    await due.try_later(connection, dispute_answers, given.id, tries=given.tries, gap_seconds_max=gap, now=now)


async def _find(connection: AsyncConnection, answer_id: UUID) -> Answer:
    row = (await connection.execute(select(dispute_answers).where(dispute_answers.c.id == answer_id))).one()
    return _answer(row)


def _answer(row: Row[Any]) -> Answer:
    facts = dict(row._mapping)
    del facts["next_try_at"]
    return Answer(**{**facts, "kind": AnswerKind(row.kind), "state": AnswerState(row.state)})
