"""What admins do about disputes and early fraud warnings: look, submit evidence, accept, review."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.database import DatabaseTransaction, reading
from jobsphere.disputes import store, warnings
from jobsphere.disputes.answer import Answer as Given
from jobsphere.disputes.answer import AnswerKind, answer, answers_of
from jobsphere.disputes.evidence import collect, known
from jobsphere.disputes.lifecycle import Dispute
from jobsphere.disputes.warnings import FraudWarning
from jobsphere.identity.people import Role, User
from jobsphere.web.answers import Answer
from jobsphere.web.answers import answer as answered
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost

routes = router("disputes")

EVIDENCE = IdempotentPost("disputes.evidence")
ACCEPT = IdempotentPost("disputes.accept")
REVIEW = DatabaseTransaction("disputes.review")

Admin = Annotated[User, Depends(allow(Role.ADMIN))]
Limit = Annotated[int, Query(ge=1, le=100)]
Before = Annotated[UUID | None, Query(alias="cursor", description="`nextCursor` of the page before.")]


class Evidence(Body):
    statement: Annotated[str, StringConstraints(min_length=3, max_length=20_000)] | None = None


class Because(Body):
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


_NO_STATEMENT = Evidence()


@routes.get("/api/admin/disputes")
async def disputes(
    context: CurrentContext,
    caller: Admin,
    limit: Limit = 20,
    before: Before = None,
    undecided: Annotated[bool, Query(description="Only those that no bank has decided.")] = False,
) -> JSONResponse:
    """Disputes and inquiries, newest first."""
    async with reading(context.engine) as connection:
        page = await store.list_disputes(connection, before=before, limit=limit, undecided_only=undecided)
    next_cursor = page[-1].id if len(page) == limit else None
    data = {"disputes": [_data(one) for one in page], "nextCursor": next_cursor}
    return answered("Disputes, newest first.", data).response()


@routes.get("/api/admin/disputes/{dispute_id}")
async def one_dispute(dispute_id: UUID, context: CurrentContext, caller: Admin) -> JSONResponse:
    """A dispute with our answers to it, and what is frozen for it."""
    async with reading(context.engine) as connection:
        found = await store.find(connection, dispute_id)
        given = await answers_of(connection, dispute_id)
    parts = [
        {"amount": part.amount.to_major(), "offerId": part.offer_id, "state": part.state.value}
        for part in found.parts
    ]
    data = {**_data(found), "parts": parts, "answers": [_answer_data(one) for one in given]}
    return answered("The dispute.", data).response()


@routes.get("/api/admin/disputes/{dispute_id}/evidence")
async def collected_evidence(dispute_id: UUID, context: CurrentContext, caller: Admin) -> JSONResponse:
    """What we know that speaks against the dispute, as it would be submitted."""
    return answered("The evidence as it would be submitted.", await _collected(context, dispute_id)).response()


@routes.post("/api/admin/disputes/{dispute_id}/evidence", status_code=201, openapi_extra=DOCUMENTED)
async def submit_evidence(
    dispute_id: UUID,
    request: Request,
    context: CurrentContext,
    caller: Admin,
    body: Evidence = _NO_STATEMENT,
) -> JSONResponse:
    """Submit what we know, and `statement` with it. A bank takes evidence once."""
    evidence = await _collected(context, dispute_id)
    if body.statement is not None:
        evidence["uncategorized_text"] = body.statement
    return await _answer(request, context, caller, EVIDENCE, dispute_id, AnswerKind.EVIDENCE, evidence)


@routes.post("/api/admin/disputes/{dispute_id}/accept", status_code=201, openapi_extra=DOCUMENTED)
async def accept_dispute(
    dispute_id: UUID, request: Request, context: CurrentContext, caller: Admin, body: Because
) -> JSONResponse:
    """Let the dispute be lost, for good."""
    return await _answer(request, context, caller, ACCEPT, dispute_id, AnswerKind.ACCEPTANCE, {}, why=body.reason)


@routes.get("/api/admin/fraud-warnings")
async def fraud_warnings(
    context: CurrentContext,
    caller: Admin,
    limit: Limit = 20,
    open_only: Annotated[bool, Query(alias="open", description="Only those that nobody has reviewed.")] = False,
) -> JSONResponse:
    """Early fraud warnings, newest first."""
    async with reading(context.engine) as connection:
        found = await warnings.list_warnings(connection, open_only=open_only, limit=limit)
    return answered("Early fraud warnings.", {"fraudWarnings": [_warning_data(one) for one in found]}).response()


@routes.post("/api/admin/fraud-warnings/{warning_id}/review")
async def review_warning(warning_id: UUID, context: CurrentContext, caller: Admin, body: Because) -> JSONResponse:
    """Close a warning; to refund its deposit is a deed of its own."""
    now = context.clock.now()

    async def work(connection: AsyncConnection) -> FraudWarning:
        return await warnings.review(connection, warning_id, reason=body.reason, admin_id=caller.id, now=now)

    return answered("The warning is reviewed.", _warning_data(await REVIEW.run(context.engine, work))).response()


async def _collected(context: Context, dispute_id: UUID) -> dict[str, str]:
    async with reading(context.engine) as connection:
        found = await known(connection, await store.find(connection, dispute_id))
    charge_id = found.deposit.charge_id
    secure = await context.gateway.retrieve_three_d_secure(charge_id) if charge_id else None
    return collect(found, secure)


async def _answer(
    request: Request,
    context: Context,
    caller: User,
    post: IdempotentPost,
    dispute_id: UUID,
    kind: AnswerKind,
    evidence: dict[str, str],
    *,
    why: str | None = None,
) -> JSONResponse:
    answer_id, now = context.ids.new(), context.clock.now()

    async def verb(connection: AsyncConnection) -> Answer:
        given = await answer(
            connection,
            dispute_id,
            answer_id=answer_id,
            kind=kind,
            evidence=evidence,
            admin_id=caller.id,
            now=now,
        )
        if why is not None:
            await write_audit(
                connection,
                actor_id=caller.id,
                action="dispute.acceptance_reason",
                subject=f"dispute:{dispute_id}",
                now=now,
                details={"reason": why},
            )
        return answered("The answer is on its way to the card's bank.", _answer_data(given), 201)

    outcome = await post.run(request, context, caller, verb)
    context.wake()
    return outcome.response()


def _data(dispute: Dispute) -> dict[str, Any]:
    return {
        "disputeId": dispute.id,
        "depositId": dispute.deposit_id,
        "userId": dispute.user_id,
        "amount": dispute.amount.to_major(),
        "currency": dispute.amount.currency,
        "reason": dispute.reason,
        "state": dispute.state.value,
        "frozen": dispute.frozen.to_major(),
        "withdrawn": dispute.withdrawn.to_major(),
        "reinstated": dispute.reinstated.to_major(),
        "evidenceDueAt": dispute.evidence_due_at,
        "stripeDisputeId": dispute.stripe_dispute_id,
        "createdAt": dispute.created_at,
    }


def _answer_data(given: Given) -> dict[str, Any]:
    return {
        "answerId": given.id,
        "disputeId": given.dispute_id,
        "kind": given.kind.value,
        "state": given.state.value,
        "evidence": dict(given.evidence),
        "answeredBy": given.answered_by,
        "createdAt": given.created_at,
    }


def _warning_data(warning: FraudWarning) -> dict[str, Any]:
    return {
        "fraudWarningId": warning.id,
        "depositId": warning.deposit_id,
        "fraudType": warning.fraud_type,
        "state": warning.state.value,
        "reviewedBy": warning.reviewed_by,
        "reviewedAt": warning.reviewed_at,
        "createdAt": warning.created_at,
    }
