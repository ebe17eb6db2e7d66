"""Where Stripe's events arrive: verified, stored, answered. The worker does the rest.

``web/acknowledge.py`` answers nearly all before they get here; these routes say what is wrong with the rest.
"""

from fastapi import Depends, Request
from fastapi.responses import JSONResponse

from jobsphere.web.acknowledge import Endpoint
from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.webhooks.receive import Inbox, receive

routes = router("webhooks")


@routes.post("/api/webhooks/stripe", dependencies=[Depends(public)])
async def stripe_platform(request: Request, context: CurrentContext) -> JSONResponse:
    """Events of the platform's own account, signed with `STRIPE_WEBHOOK_SECRET`."""
    return await _receive(request, context)


@routes.post("/api/webhooks/stripe/connect", dependencies=[Depends(public)])
async def stripe_connect(request: Request, context: CurrentContext) -> JSONResponse:
    """Events of contractors' accounts, signed with `STRIPE_CONNECT_WEBHOOK_SECRET`."""
    return await _receive(request, context)


async def _receive(request: Request, context: Context) -> JSONResponse:
    inbox: Inbox = request.app.state.inbox
    endpoint: Endpoint = request.app.state.webhook_endpoints[request.url.path]
    is_new = await receive(
        inbox,
        source=endpoint.source,
        body=await request.body(),
        signature=request.headers.get("stripe-signature"),
        secrets=endpoint.secrets,
        livemode=context.settings.live,
        now=context.clock.now(),
    )
    if is_new:
        context.wake()
    return JSONResponse({"received": True})
