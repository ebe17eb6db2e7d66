"""Is this process alive, and can it serve?"""

import asyncio

from fastapi import Depends
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jobsphere.database import reading
from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext
from jobsphere.web.errors import NotReady

_ANSWER_WITHIN_SECONDS = 2

routes = router("health")


@routes.get("/health/live", dependencies=[Depends(public)])
async def live() -> JSONResponse:
    """This process answers."""
    return JSONResponse({"status": "ok"})


@routes.get("/health/ready", dependencies=[Depends(public)])
async def ready(context: CurrentContext) -> JSONResponse:
    """This process can serve requests: its database answers."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS), reading(context.engine) as connection:
            await connection.execute(text("SELECT 1"))
    except (OSError, SQLAlchemyError) as error:
        raise NotReady from error
    return JSONResponse({"status": "ok"})
