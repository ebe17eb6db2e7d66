"""Refunds to the card: how much is possible, ask for one, and look at them; for owners and for admins."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.audit.write import write as write_audit
from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.money import Money
from jobsphere.refunds.lifecycle import Refund, RefundState
from jobsphere.refunds.quote import Quote
from jobsphere.refunds.reasons import sentence_for
from jobsphere.refunds.request import quoted, request
from jobsphere.refunds.store import refunds_of
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost

routes = router("refunds")

REQUEST = IdempotentPost("refunds.request")
REQUEST_BY_ADMIN = IdempotentPost("refunds.request_by_admin")

Owner = Annotated[User, Depends(allow(Role.CUSTOMER, Role.CONTRACTOR))]
Admin = Annotated[User, Depends(allow(Role.ADMIN))]
Limit = Annotated[int, Query(ge=1, le=100)]
Before = Annotated[UUID | None, Query(alias="cursor", description="`nextCursor` of the page before.")]


class NewRefund(Body):
    amount: Amount | None = None


class NewRefundByAdmin(Body):
    amount: Amount | None = None
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


_ALL = NewRefund()


@routes.get("/api/wallet/deposits/{deposit_id}/refund/quote")
async def refund_quote(deposit_id: UUID, context: CurrentContext, caller: Owner) -> JSONResponse:
    """How much of your deposit can go back to its card now: the unspent part, less what went back already."""
    return await _quote(context, deposit_id, owner_id=caller.id)


@routes.post("/api/wallet/deposits/{deposit_id}/refund", status_code=201, openapi_extra=DOCUMENTED)
async def refund_deposit(
    deposit_id: UUID, request: Request, context: CurrentContext, caller: Owner, body: NewRefund = _ALL
) -> JSONResponse:
    """Send unspent money of your deposit back to its card: `amount`, or all that is possible."""
    asked = _Asked(context, deposit_id, body.amount, caller, owner_id=caller.id)
    outcome = await REQUEST.run(request, context, caller, asked.done)
    context.wake()
    return outcome.response()


@routes.get("/api/wallet/refunds")
async def own_refunds(
    context: CurrentContext, caller: Owner, limit: Limit = 20, before: Before = None
) -> JSONResponse:
    """Your refunds, newest first."""
    return await _list(context, limit, before, user_id=caller.id)


@routes.get("/api/admin/deposits/{deposit_id}/refund/quote")
async def refund_quote_for_admin(deposit_id: UUID, context: CurrentContext, caller: Admin) -> JSONResponse:
    """How much of anybody's deposit can go back to its card now."""
    return await _quote(context, deposit_id, owner_id=None)


@routes.post("/api/admin/deposits/{deposit_id}/refund", status_code=201, openapi_extra=DOCUMENTED)
async def refund_deposit_as_admin(
    deposit_id: UUID, request: Request, context: CurrentContext, caller: Admin, body: NewRefundByAdmin
) -> JSONResponse:
    """Send unspent money of anybody's deposit back to its card, also from a frozen wallet."""
    asked = _Asked(context, deposit_id, body.amount, caller, owner_id=None, why=body.reason)
    outcome = await REQUEST_BY_ADMIN.run(request, context, caller, asked.done)
    context.wake()
    return outcome.response()


@routes.get("/api/admin/refunds")
async def every_refund(
    context: CurrentContext, caller: Admin, limit: Limit = 20, before: Before = None
) -> JSONResponse:
    """Everybody's refunds, newest first, also those made at Stripe."""
    return await _list(context, limit, before, user_id=None)


class _Asked:
    """One request for a refund: its id and time are fixed, so that its database transaction may run again."""

    def __init__(
        self,
        context: Context,
        deposit_id: UUID,
        amount: str | None,
        caller: User,
        *,
        owner_id: UUID | None,
        why: str | None = None,
    ) -> None:
        self._deposit_id, self._caller, self._owner_id, self._why = deposit_id, caller, owner_id, why
        currency = context.settings.payment_currency
        self._amount = None if amount is None else Money.from_major(amount, currency)
        self._id, self._now = context.ids.new(), context.clock.now()

    async def done(self, connection: AsyncConnection) -> Answer:
        made = await request(
            connection,
            refund_id=self._id,
            deposit_id=self._deposit_id,
            amount=self._amount,
            requested_by=self._caller.id,
            owner_id=self._owner_id,
            now=self._now,
        )
        if self._why is not None:
            await write_audit(
                connection,
                actor_id=self._caller.id,
                action="refund.reason",
                subject=f"refund:{made.id}",
                now=self._now,
                details={"reason": self._why},
            )
        return answer("The refund is on its way to the card.", _data(made), 201)


async def _quote(context: Context, deposit_id: UUID, *, owner_id: UUID | None) -> JSONResponse:
    async with reading(context.engine, one_snapshot=True) as connection:
        found = await quoted(connection, deposit_id, owner_id=owner_id)
    return answer("What can be refunded now.", _quote_data(found)).response()


async def _list(context: Context, limit: int, before: UUID | None, *, user_id: UUID | None) -> JSONResponse:
    async with reading(context.engine) as connection:
        page = await refunds_of(connection, user_id=user_id, before=before, limit=limit)
    next_cursor = page[-1].id if len(page) == limit else None
    data = {"refunds": [_data(one) for one in page], "nextCursor": next_cursor}
    return answer("Refunds, newest first.", data).response()


def _quote_data(quote: Quote) -> dict[str, Any]:
    payment = quote.payment
    return {
        "refundable": quote.refundable.to_major(),
        "reason": quote.not_now.value if quote.not_now else None,
        "deposited": payment.amount.to_major(),
        "refunded": payment.refunded.to_major(),
        "disputed": payment.contested.to_major(),
        "balance": quote.available.to_major(),
        "currency": payment.amount.currency,
    }


def _data(refund: Refund) -> dict[str, Any]:
    return {
        "refundId": refund.id,
        "transactionId": refund.id,
        "depositId": refund.deposit_id,
        "amount": refund.amount.to_major(),
        "currency": refund.amount.currency,
        "status": STATUS.get(refund.state, "pending"),
        "state": refund.state.value,
        "reasonCode": refund.reason,
        "reason": sentence_for(refund.reason),
        "stripeRefundId": refund.stripe_refund_id,
        "madeAtStripe": refund.requested_by is None,
        "createdAt": refund.created_at,
    }


STATUS = {
    RefundState.SUCCEEDED: "completed",
    RefundState.FAILED: "failed",
    RefundState.CANCELED: "failed",
}
