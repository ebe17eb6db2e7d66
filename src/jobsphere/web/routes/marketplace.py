"""Jobs and offers over HTTP: who may do what, and what they are answered."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any, TypeVar
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
from jobsphere.marketplace.job import Job
from jobsphere.marketplace.offer import DAYS_DEFAULT, DAYS_MAX, DAYS_MIN, Offer
from jobsphere.marketplace.post import post
from jobsphere.marketplace.read import Page
from jobsphere.marketplace.release import decline, withdraw
from jobsphere.marketplace.send import Terms, send
from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.wallets.wallet import available_balance, wallet_of
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, Id, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost

T = TypeVar("T")

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
    return answer("Contractors.", _listed("contractors", found, page, _contractor)).response()


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
        return answer("The job is posted.", {"job": _job(job)}, 201)

    return (await _POST_JOB.run(request, context, caller, verb)).response()


@routes.get("/api/jobs")
async def list_jobs(context: CurrentContext, caller: Anybody, page: PageAsked, mine: bool = False) -> JSONResponse:
    """Open jobs of everybody or, with `mine`, those you posted or were assigned to. Newest first."""
    async with reading(context.engine) as connection:
        found = await (read.jobs_of(connection, caller.id, page) if mine else read.open_jobs(connection, page))
    return answer("Jobs.", _listed("jobs", found, page, _job)).response()


@routes.get("/api/jobs/{job_id}")
async def get_job(context: CurrentContext, caller: Anybody, job_id: UUID) -> JSONResponse:
    """One job that is open, yours, or was offered to you."""
    async with reading(context.engine) as connection:
        job = await read.job(connection, job_id, caller.id)
    return answer("Job.", {"job": _job(job)}).response()


@routes.post("/api/jobs/{job_id}/close", openapi_extra=DOCUMENTED)
async def close_job(request: Request, context: CurrentContext, caller: Customer, job_id: UUID) -> JSONResponse:
    """Take a job back that nobody was assigned to; its open offers are withdrawn."""

    async def verb(connection: AsyncConnection) -> Answer:
        now = context.clock.now()
        job = await close(connection, job_id=job_id, customer_id=caller.id, ids=context.ids, now=now)
        return answer("The job is closed.", {"job": _job(job), **await _balances(connection, caller)})

    return (await _CLOSE.run(request, context, caller, verb)).response()


@routes.post("/api/jobs/{job_id}/complete", openapi_extra=DOCUMENTED)
async def complete_job(request: Request, context: CurrentContext, caller: Customer, job_id: UUID) -> JSONResponse:
    """Confirm the work; its contractor is paid."""

    async def verb(connection: AsyncConnection) -> Answer:
        now = context.clock.now()
        job, offer = await complete(connection, job_id=job_id, customer_id=caller.id, ids=context.ids, now=now)
        data = {"job": _job(job), "offer": _offer(offer), **await _balances(connection, caller)}
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
            limits=Limits.of(settings.offer_minimum, settings.offer_maximum, settings.payment_currency),
            ids=context.ids,
            now=context.clock.now(),
        )
        data = {"offer": _offer(offer), **await _balances(connection, caller)}
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
    return answer("Offers.", _listed("offers", found, page, _offer)).response()


@routes.get("/api/offers/{offer_id}")
async def get_offer(context: CurrentContext, caller: Anybody, offer_id: UUID) -> JSONResponse:
    """One offer that you sent or received."""
    async with reading(context.engine) as connection:
        offer = await read.offer(connection, offer_id, caller.id)
    return answer("Offer.", {"offer": _offer(offer)}).response()


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
    post: IdempotentPost,
    request: Request,
    context: Context,
    caller: User,
    change: Callable[[AsyncConnection], Awaitable[Offer]],
    message: str,
) -> JSONResponse:
    async def verb(connection: AsyncConnection) -> Answer:
        offer = await change(connection)
        return answer(message, {"offer": _offer(offer), **await _balances(connection, caller)})

    return (await post.run(request, context, caller, verb)).response()


async def _balances(connection: AsyncConnection, caller: User) -> dict[str, str]:
    """What the caller may spend, and what waits on their offers, once this is committed."""
    wallet = await wallet_of(connection, caller.id)
    waiting = await read.escrow_balance(connection, wallet.id, wallet.currency)
    available = await available_balance(connection, wallet)
    return {"newBalance": available.to_major(), "escrowBalance": waiting.to_major(), "currency": wallet.currency}


def _listed(name: str, found: Sequence[T], page: Page, as_data: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    shown = [as_data(one) for one in found[: page.limit - 1]]
    return {name: shown, "nextCursor": shown[-1]["id"] if len(found) == page.limit else None}


def _contractor(contractor: read.Contractor) -> dict[str, Any]:
    return {"id": contractor.id, "name": contractor.name}


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "customerId": job.customer_id,
        "title": job.title,
        "description": job.description,
        "state": job.state.value,
        "createdAt": job.created_at,
        "completedAt": job.completed_at,
    }


def _offer(offer: Offer) -> dict[str, Any]:
    fees = offer.fees
    return {
        "id": offer.id,
        "jobId": offer.job_id,
        "customerId": offer.customer_id,
        "contractorId": offer.contractor_id,
        "amount": fees.amount.to_major(),
        "platformFee": fees.platform_fee.to_major(),
        "total": fees.hold.to_major(),
        "serviceFee": fees.service_fee.to_major(),
        "contractorReceives": fees.pay.to_major(),
        "currency": fees.amount.currency,
        "state": offer.state.value,
        "message": offer.message,
        "expiresAt": offer.expires_at,
        "createdAt": offer.created_at,
        "answeredAt": offer.answered_at,
    }
