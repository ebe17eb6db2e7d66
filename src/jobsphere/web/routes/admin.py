"""What admins look after: the platform's money, and events that could not be processed."""

from typing import Annotated, Any

from fastapi import Depends, Path
from fastapi.responses import JSONResponse

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.ledger.accounts import platform_fees, processing_costs, service_fees, stripe_balance
from jobsphere.ledger.read import balances
from jobsphere.money import Money
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext
from jobsphere.webhooks.parked import ParkedEvent, list_parked, replay

routes = router("administration")

Admin = Annotated[User, Depends(allow(Role.ADMIN))]


@routes.get("/api/admin/platform")
async def platform(context: CurrentContext, caller: Admin) -> JSONResponse:
    """What the platform has earned, what Stripe kept of payments, and what it holds at Stripe by the ledger."""
    currency = context.settings.payment_currency
    fees = (platform_fees(currency), service_fees(currency))
    async with reading(context.engine) as connection:
        found = await balances(connection, [*fees, processing_costs(currency), stripe_balance(currency)])
    earned = sum((found[fee] for fee in fees), Money.zero(currency))
    data = {
        "fees": earned.to_major(),
        "platformFees": found[fees[0]].to_major(),
        "serviceFees": found[fees[1]].to_major(),
        "processingCosts": found[processing_costs(currency)].to_major(),
        "stripeBalance": found[stripe_balance(currency)].to_major(),
        "currency": currency,
    }
    return answer("The platform's money.", data).response()


@routes.get("/api/admin/webhook-events/parked")
async def parked_events(context: CurrentContext, caller: Admin) -> JSONResponse:
    """Events that need a person, newest first, at most 100."""
    async with reading(context.engine) as connection:
        found = await list_parked(connection, limit=100)
    return answer("Events that could not be processed.", {"events": [_event(one) for one in found]}).response()


@routes.post("/api/admin/webhook-events/{event_id}/replay")
async def replay_event(
    event_id: Annotated[int, Path(ge=1, le=2**63 - 1)], context: CurrentContext, caller: Admin
) -> JSONResponse:
    """Process a parked event again; what it did already is not done twice."""
    await replay(
        context.engine,
        event_id,
        actor_id=caller.id,
        livemode=context.settings.live,
        now=context.clock.now(),
    )
    context.wake()
    return answer("The event is processed again.", {"id": event_id}, 202).response()


def _event(event: ParkedEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "eventId": event.event_key,
        "source": event.source,
        "type": event.type,
        "accountId": event.account_id,
        "receivedAt": event.received_at,
        "tries": event.tries,
        "error": event.error,
    }
