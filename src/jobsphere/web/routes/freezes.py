"""Freezing of wallets, and ending it: for admins."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import DatabaseTransaction, reading
from jobsphere.identity.people import Role, User
from jobsphere.wallets import freezes
from jobsphere.wallets.freeze import Freeze, FreezeLevel
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Body, router
from jobsphere.web.context import CurrentContext

routes = router("administration")

FREEZE = DatabaseTransaction("wallets.freeze")
LIFT = DatabaseTransaction("wallets.lift_freeze")
LISTED_MAX = 100

Admin = Annotated[User, Depends(allow(Role.ADMIN))]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=500)]
# JSON has no times: they come as text, which strict models do not take by themselves.
Time = Annotated[AwareDatetime, Field(strict=False)]


class NewFreeze(Body):
    reason: Reason
    level: Annotated[FreezeLevel, Field(strict=False)] = FreezeLevel.OUTGOING
    ends_at: Time | None = None
    review_at: Time | None = None


class Because(Body):
    reason: Reason


@routes.post("/api/admin/wallets/{wallet_id}/freeze")
async def freeze_wallet(wallet_id: UUID, context: CurrentContext, caller: Admin, body: NewFreeze) -> JSONResponse:
    """Stop what can be done with a wallet, until the freeze ends or is lifted. Money may still come in."""
    now = context.clock.now()

    async def work(connection: AsyncConnection) -> Freeze:
        return await freezes.freeze(
            connection,
            wallet_id,
            level=body.level,
            reason=body.reason,
            author_id=caller.id,
            now=now,
            ends_at=body.ends_at,
            review_at=body.review_at,
        )

    return answer("The wallet is frozen.", _data(await FREEZE.run(context.engine, work), now)).response()


@routes.post("/api/admin/freezes/{freeze_id}/lift")
async def lift_freeze(
    freeze_id: Annotated[int, Path(ge=1, le=2**63 - 1)], context: CurrentContext, caller: Admin, body: Because
) -> JSONResponse:
    """End a freeze now; others of the same wallet stay."""
    now = context.clock.now()

    async def work(connection: AsyncConnection) -> Freeze:
        return await freezes.lift(connection, freeze_id, reason=body.reason, author_id=caller.id, now=now)

    return answer("The freeze is lifted.", _data(await LIFT.run(context.engine, work), now)).response()


@routes.get("/api/admin/freezes")
async def list_freezes(
    context: CurrentContext, caller: Admin, wallet_id: Annotated[UUID | None, Query(alias="walletId")] = None
) -> JSONResponse:
    """The freezes in force, of all wallets or of `walletId`, the next to be looked at again first; at most 100."""
    now = context.clock.now()
    async with reading(context.engine) as connection:
        found = (
            await freezes.list_in_force(connection, now=now, limit=LISTED_MAX)
            if wallet_id is None
            else await freezes.in_force(connection, wallet_id, now=now)
        )
    return answer("The freezes in force.", {"freezes": [_data(one, now) for one in found]}).response()


def _data(freeze: Freeze, now: datetime) -> dict[str, Any]:
    return {
        "id": freeze.id,
        "walletId": freeze.wallet_id,
        "level": freeze.level.value,
        "reason": freeze.reason,
        "reference": freeze.reference,
        "authorId": freeze.author_id,
        "createdAt": freeze.created_at,
        "endsAt": freeze.ends_at,
        "reviewAt": freeze.review_at,
        "isReviewDue": freeze.review_at <= now,
    }
