"""Jobs and offers over HTTP: who may do what, and what they are answered."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.marketplace import read
from jobsphere.marketplace.accept import accept
from jobsphere.marketplace.close import close
from jobsphere.marketplace.complete import complete
from jobsphere.marketplace.offer import DAYS_DEFAULT, DAYS_MAX, DAYS_MIN, Offer
from jobsphere.marketplace.post import post
from jobsphere.marketplace.read import Page
from jobsphere.marketplace.release import decline, withdraw
from jobsphere.marketplace.send import Terms, send
from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, Id, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost
from jobsphere.web.routes.marketplace_data import balances, contractor_data, job_data, listed, offer_data

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
_SEND = IdempotentPost("marketplace.send")
_ACCEPT = IdempotentPost("marketplace.accept")
_DECLINE = IdempotentPost("marketplace.decline")
_WITHDRAW = IdempotentPost("marketplace.withdraw")


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
    settings = context.settings
    terms = Terms(
        body.job_id,
        body.contractor_id,
        Money.from_major(body.amount, settings.payment_currency),
        body.message,
        body.expires_in_days,
    )

    async def verb(connection: AsyncConnection) -> Answer:
        offer = await send(
            connection,
            terms,
            offer_id=context.ids.new(),
            customer_id=caller.id,
            limits=Limits.of_settings(settings, "offer"),
            ids=context.ids,
            now=context.clock.now(),
        )
        data = {"offer": offer_data(offer), **await balances(connection, caller)}
        return answer("The offer is sent.", data, 201)

    return (await _SEND.run(request, context, caller, verb)).response()


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
    change = partial(accept, offer_id=offer_id, contractor_id=caller.id, ids=context.ids, now=context.clock.now())
    return await _change(_ACCEPT, request, context, caller, change, "The offer is accepted; the job is yours.")


@routes.post("/api/offers/{offer_id}/decline", openapi_extra=DOCUMENTED)
async def decline_offer(
    request: Request, context: CurrentContext, caller: Contractor, offer_id: UUID
) -> JSONResponse:
    """Refuse an offer; the customer gets everything back."""
    change = partial(decline, offer_id=offer_id, contractor_id=caller.id, ids=context.ids, now=context.clock.now())
    return await _change(_DECLINE, request, context, caller, change, "The offer is declined.")


@routes.post("/api/offers/{offer_id}/withdraw", openapi_extra=DOCUMENTED)
async def withdraw_offer(
    request: Request, context: CurrentContext, caller: Customer, offer_id: UUID
) -> JSONResponse:
    """Take an offer back before it is accepted; everything returns to your balance."""
    change = partial(withdraw, offer_id=offer_id, customer_id=caller.id, ids=context.ids, now=context.clock.now())
    return await _change(_WITHDRAW, request, context, caller, change, "The offer is withdrawn.")


async def _change(
    kind: IdempotentPost,
    request: Request,
    context: Context,
    caller: User,
    change: Callable[[AsyncConnection], Awaitable[Offer]],
    message: str,
) -> JSONResponse:
    async def verb(connection: AsyncConnection) -> Answer:
        offer = await change(connection)
        return answer(message, {"offer": offer_data(offer), **await balances(connection, caller)})

    return (await kind.run(request, context, caller, verb)).response()
