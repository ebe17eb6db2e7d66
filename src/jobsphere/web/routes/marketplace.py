"""Jobs and offers over HTTP: who may do what, and what they are answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.clock import Ids
from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.marketplace import read
from jobsphere.marketplace.accept import accept
from jobsphere.marketplace.close import close
from jobsphere.marketplace.complete import complete
from jobsphere.marketplace.offer import DAYS_DEFAULT, DAYS_MAX, DAYS_MIN, Offer
from jobsphere.marketplace.post import post
from jobsphere.marketplace.read import Balances, Page, balances_of
from jobsphere.marketplace.release import decline, withdraw
from jobsphere.marketplace.send import Sending, Terms, send_all
from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, Id, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, Asked, GatheredPost, IdempotentPost
from jobsphere.web.routes.marketplace_data import (
    balances,
    balances_data,
    contractor_data,
    job_data,
    listed,
    offer_data,
)

# A title stands in one line of a notification or an e-mail.
_LINE = r"^[^\x00-\x1f\x7f]*$"

Anybody = Annotated[User, Depends(allow())]
Customer = Annotated[User, Depends(allow(Role.CUSTOMER))]
Contractor = Annotated[User, Depends(allow(Role.CONTRACTOR))]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=120, pattern=_LINE)]

routes = router("jobs and offers")


class NewJob(Body):
    title: Title
    description: Annotated[str, StringConstraints(max_length=5000)] = ""


class NewOffer(Body):
    job_id: Id
    contractor_id: Id
    amount: Amount
    message: Annotated[str, StringConstraints(max_length=2000)] = ""
    expires_in_days: Annotated[int, Field(ge=DAYS_MIN, le=DAYS_MAX)] = DAYS_DEFAULT


async def _page(
    cursor: Annotated[UUID | None, Query(description="`nextCursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Page:
    # One more than is shown tells whether there is a next page.
    return Page(limit + 1, cursor)


PageAsked = Annotated[Page, Depends(_page)]

_POST_JOB = IdempotentPost("marketplace.post")
_CLOSE = IdempotentPost("marketplace.close")
_COMPLETE = IdempotentPost("marketplace.complete")
_ACCEPT = IdempotentPost("marketplace.accept")
_DECLINE = IdempotentPost("marketplace.decline")
_WITHDRAW = IdempotentPost("marketplace.withdraw")


async def _send_all(
    connection: AsyncConnection, context: Context, asked: Sequence[Asked[Terms]], waits: bool
) -> Sequence[Answer | Exception]:
    sendings = [Sending(one.what, context.ids.new(), one.caller.id, one.at) for one in asked]
    limits = Limits.of_settings(context.settings, "offer")
    sent = await send_all(connection, sendings, limits=limits, ids=context.ids, waits=waits)
    balances = await balances_of(connection, [one.customer_id for one in sent if isinstance(one, Offer)])
    return [one if isinstance(one, Exception) else _sent(one, balances[one.customer_id]) for one in sent]


def _sent(offer: Offer, balances: Balances) -> Answer:
    return answer("The offer is sent.", {"offer": offer_data(offer), **balances_data(balances)}, 201)


_SEND = GatheredPost("marketplace.send", _send_all)


@routes.get("/api/contractors")
async def list_contractors(context: CurrentContext, caller: Anybody, page: PageAsked) -> JSONResponse:
    """Everybody who takes jobs, the latest to join first."""
    async with reading(context.engine) as connection:
        found = await read.contractors(connection, page)
    return answer("Contractors.", listed("contractors", found, page, contractor_data)).response()


@routes.post("/api/jobs", status_code=201, openapi_extra=DOCUMENTED)
async def post_job(request: Request, context: CurrentContext, caller: Customer, body: NewJob) -> JSONResponse:
    """Post a job, so that offers for it can be sent."""

    async def verb(connection: AsyncConnection) -> Answer:
        job = await post(
            connection,
            job_id=context.ids.new(),
            customer_id=caller.id,
            title=body.title,
            description=body.description,
            now=context.clock.now(),
        )
        return answer("The job is posted.", {"job": job_data(job)}, 201)

    return (await _POST_JOB.run(request, context, caller, verb)).response()


@routes.get("/api/jobs")
async def list_jobs(context: CurrentContext, caller: Anybody, page: PageAsked, mine: bool = False) -> JSONResponse:
    """Open jobs of everybody or, with `mine`, those you posted or were assigned to. Newest first."""
    async with reading(context.engine) as connection:
        found = await (read.jobs_of(connection, caller.id, page) if mine else read.open_jobs(connection, page))
    return answer("Jobs.", listed("jobs", found, page, job_data)).response()


@routes.get("/api/jobs/{job_id}")
async def get_job(context: CurrentContext, caller: Anybody, job_id: UUID) -> JSONResponse:
    """One job that is open, yours, or was offered to you."""
    async with reading(context.engine) as connection:
        job = await read.job(connection, job_id, caller.id)
    return answer("Job.", {"job": job_data(job)}).response()


@routes.post("/api/jobs/{job_id}/close", openapi_extra=DOCUMENTED)
async def close_job(request: Request, context: CurrentContext, caller: Customer, job_id: UUID) -> JSONResponse:
    """Take a job back that nobody was assigned to; its open offers are withdrawn."""

    async def verb(connection: AsyncConnection) -> Answer:
        now = context.clock.now()
        job = await close(connection, job_id=job_id, customer_id=caller.id, ids=context.ids, now=now)
        return answer("The job is closed.", {"job": job_data(job), **await balances(connection, caller)})

    return (await _CLOSE.run(request, context, caller, verb)).response()


@routes.post("/api/jobs/{job_id}/complete", openapi_extra=DOCUMENTED)
async def complete_job(request: Request, context: CurrentContext, caller: Customer, job_id: UUID) -> JSONResponse:
    """Confirm the work; its contractor is paid."""

    async def verb(connection: AsyncConnection) -> Answer:
        now = context.clock.now()
        job, offer = await complete(connection, job_id=job_id, customer_id=caller.id, ids=context.ids, now=now)
        data = {"job": job_data(job), "offer": offer_data(offer), **await balances(connection, caller)}
        return answer("The job is completed and the contractor is paid.", data)

    return (await _COMPLETE.run(request, context, caller, verb)).response()


@routes.post("/api/offers", status_code=201, openapi_extra=DOCUMENTED)
async def send_offer(request: Request, context: CurrentContext, caller: Customer, body: NewOffer) -> JSONResponse:
    """Offer a job to a contractor: amount and platform fee wait as a protected payment."""
    terms = Terms(
        body.job_id,
        body.contractor_id,
        Money.from_major(body.amount, context.settings.payment_currency),
        body.message,
        body.expires_in_days,
    )
    return (await _SEND.run(request, context, caller, terms)).response()


@routes.get("/api/offers")
async def list_offers(
    context: CurrentContext,
    caller: Anybody,
    page: PageAsked,
    job_id: Annotated[UUID | None, Query(alias="jobId")] = None,
) -> JSONResponse:
    """The offers you sent or received, newest first; for one job with `jobId`."""
    async with reading(context.engine) as connection:
        found = await read.offers_of(connection, caller.id, page, job_id=job_id)
    return answer("Offers.", listed("offers", found, page, offer_data)).response()


@routes.get("/api/offers/{offer_id}")
async def get_offer(context: CurrentContext, caller: Anybody, offer_id: UUID) -> JSONResponse:
    """One offer that you sent or received."""
    async with reading(context.engine) as connection:
        offer = await read.offer(connection, offer_id, caller.id)
    return answer("Offer.", {"offer": offer_data(offer)}).response()


@routes.post("/api/offers/{offer_id}/accept", openapi_extra=DOCUMENTED)
async def accept_offer(
    request: Request, context: CurrentContext, caller: Contractor, offer_id: UUID
) -> JSONResponse:
    """Take the job; the protected payment waits until the customer confirms the work."""
    message = "The offer is accepted; the job is yours."
    return await _end(_ACCEPT, accept, request, context, caller, offer_id, message)


@routes.post("/api/offers/{offer_id}/decline", openapi_extra=DOCUMENTED)
async def decline_offer(
    request: Request, context: CurrentContext, caller: Contractor, offer_id: UUID
) -> JSONResponse:
    """Refuse an offer; the customer gets everything back."""
    return await _end(_DECLINE, decline, request, context, caller, offer_id, "The offer is declined.")


@routes.post("/api/offers/{offer_id}/withdraw", openapi_extra=DOCUMENTED)
async def withdraw_offer(
    request: Request, context: CurrentContext, caller: Customer, offer_id: UUID
) -> JSONResponse:
    """Take an offer back before it is accepted; everything returns to your balance."""
    return await _end(_WITHDRAW, withdraw, request, context, caller, offer_id, "The offer is withdrawn.")


class _Deed(Protocol):
    """What one side does to an offer that waits for an answer."""

    async def __call__(
        self, connection: AsyncConnection, offer_id: UUID, person_id: UUID, /, *, ids: Ids, now: datetime
    ) -> Offer: ...


async def _end(
    kind: IdempotentPost,
    deed: _Deed,
    request: Request,
    context: Context,
    caller: User,
    offer_id: UUID,
    message: str,
) -> JSONResponse:
    now = context.clock.now()

    async def verb(connection: AsyncConnection) -> Answer:
        offer = await deed(connection, offer_id, caller.id, ids=context.ids, now=now)
        return answer(message, {"offer": offer_data(offer), **await balances(connection, caller)})

    return (await kind.run(request, context, caller, verb)).response()
