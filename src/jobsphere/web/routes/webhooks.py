"""Where Stripe's events arrive: verified, stored, answered. The worker does the rest."""

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.webhooks.receive import Source, receive

routes = router("webhooks")


@routes.post("/api/webhooks/stripe", dependencies=[Depends(public)])
async def stripe_platform(request: Request, context: CurrentContext) -> JSONResponse:
    """Events of the platform's own account, signed with `STRIPE_WEBHOOK_SECRET`."""
    return await _receive(request, context, Source.PLATFORM, context.settings.stripe_webhook_secret)


@routes.post("/api/webhooks/stripe/connect", dependencies=[Depends(public)])
async def stripe_connect(request: Request, context: CurrentContext) -> JSONResponse:
    """Events of contractors' accounts, signed with `STRIPE_CONNECT_WEBHOOK_SECRET`."""
    return await _receive(request, context, Source.CONNECT, context.settings.stripe_connect_webhook_secret)


async def _receive(request: Request, context: Context, source: Source, secret: SecretStr | None) -> JSONResponse:
    is_new = await receive(
        context.engine,
        source=source,
        body=await request.body(),
        signature=request.headers.get("stripe-signature"),
        # Two while a secret is rolled, separated by a comma: both sign for a day.
        secrets=[one.strip() for one in secret.get_secret_value().split(",")] if secret else (),
        livemode=context.settings.live,
        now=context.clock.now(),
    )
    if is_new:
        context.wake()
    return JSONResponse({"received": True})
