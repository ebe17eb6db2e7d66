"""The kill switch for new withdrawals: for admins."""

from typing import Annotated, Any

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
from jobsphere.withdrawals import switch
from jobsphere.withdrawals.switch import Switch

routes = router("administration")

TURN = DatabaseTransaction("withdrawals.turn_switch")

Admin = Annotated[User, Depends(allow(Role.ADMIN))]


class Turn(Body):
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


@routes.get("/api/admin/withdrawals/switch")
async def read_switch(context: CurrentContext, caller: Admin) -> JSONResponse:
    """Whether new withdrawals are refused, and who said so, when and why."""
    async with reading(context.engine) as connection:
        found = await switch.read(connection)
    return answer(_message(found), _data(found)).response()


@routes.post("/api/admin/withdrawals/pause")
async def pause(context: CurrentContext, caller: Admin, body: Turn) -> JSONResponse:
    """Refuse new withdrawals, of everybody and in every process. Those under way go on to their end."""
    return await _turn(context, caller, body, is_on=True)


@routes.post("/api/admin/withdrawals/resume")
async def resume(context: CurrentContext, caller: Admin, body: Turn) -> JSONResponse:
    """Take new withdrawals again."""
    return await _turn(context, caller, body, is_on=False)


async def _turn(context: Context, caller: User, body: Turn, *, is_on: bool) -> JSONResponse:
    now = context.clock.now()

    async def work(connection: AsyncConnection) -> Switch:
        return await switch.turn(connection, is_on=is_on, reason=body.reason, actor_id=caller.id, now=now)

    turned = await TURN.run(context.engine, work)
    return answer(_message(turned), _data(turned)).response()


def _message(found: Switch) -> str:
    return "New withdrawals are refused." if found.is_on else "New withdrawals are taken."


def _data(found: Switch) -> dict[str, Any]:
    return {
        "isPaused": found.is_on,
        "reason": found.reason,
        "changedBy": found.changed_by,
        "changedAt": found.changed_at,
    }
