"""What is owed: for admins."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.reconciliation.standing import Standing, standings
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("administration")

Admin = Annotated[User, Depends(allow(Role.ADMIN))]


@routes.get("/api/admin/obligations")
async def obligations(context: CurrentContext, caller: Admin) -> JSONResponse:
    """Every state that is not final: how many are in it, since when, how much money, what is over its limit."""
    now = context.clock.now()
    async with reading(context.engine) as connection:
        found = await standings(connection, now)
    return answer("What is owed.", {"obligations": [_standing(one, now) for one in found]}).response()


def _standing(one: Standing, now: datetime) -> dict[str, Any]:
    age = int((now - one.oldest_since).total_seconds()) if one.oldest_since else None
    return {
        "kind": one.kind,
        "state": one.row.state.value,
        "count": one.count,
        "oldestSince": one.oldest_since,
        "oldestAgeSeconds": age,
        "sums": {currency: sum_.to_major() for currency, sum_ in one.sums.items()},
        "overLimit": one.over_limit,
        "normalSeconds": int(one.row.normal.total_seconds()),
        "limitSeconds": int(one.row.limit.total_seconds()),
        "asks": one.row.asks,
        "nextStep": one.row.next_step,
    }
