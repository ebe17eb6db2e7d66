"""Stripe's events that could not be processed, and processing them again: for admins."""

from typing import Annotated, Any

from fastapi import Depends, Path
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field, StringConstraints

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.webhooks.parked import ParkedEvent, list_parked
from jobsphere.webhooks.replay import Selection, replay

routes = router("administration")

LISTED_MAX = 100

Admin = Annotated[User, Depends(allow(Role.ADMIN))]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
# JSON has no times: they come as text, which strict models do not take by themselves.
Time = Annotated[AwareDatetime, Field(strict=False)]


class Selected(Body):
    event_id: Name | None = None
    type: Name | None = None
    since: Time | None = None
    until: Time | None = None
    also_processed: bool = False


@routes.get("/api/admin/webhook-events/parked")
async def parked_events(context: CurrentContext, caller: Admin) -> JSONResponse:
    """Events that need a person, newest first, at most 100."""
    async with reading(context.engine) as connection:
        found = await list_parked(connection, limit=LISTED_MAX)
    return answer("Events that could not be processed.", {"events": [_event(one) for one in found]}).response()


@routes.post("/api/admin/webhook-events/replay")
async def replay_events(context: CurrentContext, caller: Admin, body: Selected) -> JSONResponse:
    """Process again every parked event that fits; with `alsoProcessed` also those that were not parked."""
    selection = Selection(
        event_key=body.event_id,
        type=body.type,
        since=body.since,
        until=body.until,
        also_processed=body.also_processed,
    )
    count = await _replay(context, caller, selection)
    return answer("The events are processed again.", {"count": count}, 202).response()


@routes.post("/api/admin/webhook-events/{event_id}/replay")
async def replay_event(
    event_id: Annotated[int, Path(ge=1, le=2**63 - 1)], context: CurrentContext, caller: Admin
) -> JSONResponse:
    """Process a parked event again; what it did already is not done twice."""
    await _replay(context, caller, Selection(id=event_id))
    return answer("The event is processed again.", {"id": event_id}, 202).response()


async def _replay(context: Context, caller: User, selection: Selection) -> int:
    count = await replay(
        context.engine,
        selection,
        actor_id=caller.id,
        livemode=context.settings.live,
        now=context.clock.now(),
    )
    context.wake()
    return count


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
