"""Withdrawals that are held until an admin has looked at them."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import DatabaseTransaction, reading
from jobsphere.identity.people import Role, User
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.routes.withdrawals import withdrawal_data
from jobsphere.withdrawals import review, store
from jobsphere.withdrawals.withdrawal import Withdrawal

routes = router("administration")

Admin = Annotated[User, Depends(allow(Role.ADMIN))]
_REVIEW = DatabaseTransaction("withdrawals.review")


class Decision(Body):
    note: Annotated[str, StringConstraints(min_length=3, max_length=500)]


@routes.get("/api/admin/withdrawals/held")
async def held_withdrawals(context: CurrentContext, caller: Admin) -> JSONResponse:
    """Withdrawals that wait for a review, the longest first, at most 100."""
    now = context.clock.now()
    async with reading(context.engine) as connection:
        found = await store.held(connection, limit=100)
    data = [{**withdrawal_data(one, now), "userId": one.user_id} for one in found]
    return answer("Withdrawals held for review.", {"withdrawals": data}).response()


@routes.post("/api/admin/withdrawals/{withdrawal_id}/approve")
async def approve(withdrawal_id: UUID, context: CurrentContext, caller: Admin, body: Decision) -> JSONResponse:
    """Send it."""
    return await _decide(
        context,
        "The withdrawal is sent.",
        lambda connection: review.approve(
            connection, withdrawal_id=withdrawal_id, admin_id=caller.id, note=body.note, now=context.clock.now()
        ),
    )


@routes.post("/api/admin/withdrawals/{withdrawal_id}/reject")
async def reject(withdrawal_id: UUID, context: CurrentContext, caller: Admin, body: Decision) -> JSONResponse:
    """Give the money back to the wallet; its owner is told."""
    return await _decide(
        context,
        "The withdrawal is rejected.",
        lambda connection: review.reject(
            connection, withdrawal_id=withdrawal_id, admin_id=caller.id, note=body.note, now=context.clock.now()
        ),
    )


async def _decide(
    context: Context, message: str, verb: Callable[[AsyncConnection], Awaitable[Withdrawal]]
) -> JSONResponse:
    decided = await _REVIEW.run(context.engine, verb)
    context.wake()
    return answer(message, withdrawal_data(decided, context.clock.now())).response()
