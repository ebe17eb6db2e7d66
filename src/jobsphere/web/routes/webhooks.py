"""Where Stripe's events arrive: verified, stored, answered. The worker does the rest.

``web/acknowledge.py`` answers them before they get here; these routes describe it, and say why one was refused.
"""

from typing import NoReturn

from fastapi import Depends, Request
from fastapi.responses import JSONResponse

from jobsphere.web.acknowledge import REFUSAL
from jobsphere.web.auth import public
from jobsphere.web.bodies import router

routes = router("webhooks")


@routes.post("/api/webhooks/stripe", dependencies=[Depends(public)])
async def stripe_platform(request: Request) -> JSONResponse:
    """Events of the platform's own account, signed with `STRIPE_WEBHOOK_SECRET`."""
    await _refuse(request)


@routes.post("/api/webhooks/stripe/connect", dependencies=[Depends(public)])
async def stripe_connect(request: Request) -> JSONResponse:
    """Events of contractors' accounts, signed with `STRIPE_CONNECT_WEBHOOK_SECRET`."""
    await _refuse(request)


async def _refuse(request: Request) -> NoReturn:
    # A body that is too long, or ends too early, is refused for that: no signature fits what came of it.
    await request.body()
    refusal: Exception = request.scope[REFUSAL]
    raise refusal
