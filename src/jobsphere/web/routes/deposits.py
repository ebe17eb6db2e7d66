"""Deposits by card: start one, and look at it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.deposits import store
from jobsphere.deposits.declines import sentence_for
from jobsphere.deposits.lifecycle import UNSENT, Deposit, DepositState
from jobsphere.deposits.send import client_secret, send
from jobsphere.deposits.start import start
from jobsphere.identity.people import Role, User
from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost, replace_answer

routes = router("deposits")

START = IdempotentPost("deposits.start")
# The request leaves the rest to the worker after this; the calls to Stripe it makes take less.
LEASE_SECONDS = 30

Depositor = Annotated[User, Depends(allow(Role.CUSTOMER, Role.CONTRACTOR))]


class NewDeposit(Body):
    amount: Amount
    payment_method_id: Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,250}$")]


@routes.post("/api/wallet/deposit", status_code=201, openapi_extra=DOCUMENTED)
async def deposit(request: Request, context: CurrentContext, caller: Depositor, body: NewDeposit) -> JSONResponse:
    """Pay into your wallet by card; `GET /api/config` says how much is possible.

    `status` is `pending` until Stripe's signed event credits the wallet. 202: Stripe has not answered
    yet, JobSphere goes on by itself. `state` `requires_action`: confirm with `clientSecret`. A declined
    card is `failed` with its reason.
    """
    amount = Money.from_major(body.amount, context.settings.payment_currency)
    deposit_id, now = context.ids.new(), context.clock.now()

    async def verb(connection: AsyncConnection) -> Answer:
        started = await start(
            connection,
            deposit_id=deposit_id,
            user_id=caller.id,
            amount=amount,
            payment_method_id=body.payment_method_id,
            limits=_limits(context),
            now=now,
            lease_seconds=LEASE_SECONDS,
        )
        return _answer(started)

    outcome = await START.run(request, context, caller, verb)
    if outcome.replayed:
        return _with_secret(outcome.answer, await _secret_again(context, caller, outcome.answer)).response(
            {"Idempotent-Replayed": "true"}
        )
    sent = await send(context.engine, context.gateway, context.clock, deposit_id)
    context.wake()
    if outcome.key is not None:
        await replace_answer(context.engine, outcome.key, _answer(sent.deposit))
    return _with_secret(_answer(sent.deposit), sent.client_secret).response()


@routes.get("/api/wallet/deposits/{deposit_id}")
async def one_deposit(deposit_id: UUID, context: CurrentContext, caller: Depositor) -> JSONResponse:
    """How far your deposit is, with the client secret while your bank asks you to confirm it."""
    async with reading(context.engine) as connection:
        found = await store.find_owned(connection, deposit_id, caller.id)
    secret = await client_secret(context.gateway, found)
    return _with_secret(answer(_message(found), _data(found)), secret).response()


async def _secret_again(context: Context, caller: User, given: Answer) -> str | None:
    async with reading(context.engine) as connection:
        found = await store.find_owned(connection, UUID(given.body["data"]["depositId"]), caller.id)
    return await client_secret(context.gateway, found)


def _limits(context: Context) -> Limits:
    settings = context.settings
    return Limits.of(settings.deposit_minimum, settings.deposit_maximum, settings.payment_currency)


def _answer(deposit: Deposit) -> Answer:
    return answer(_message(deposit), _data(deposit), 202 if deposit.state in UNSENT else 201)


def _with_secret(given: Answer, secret: str | None) -> Answer:
    """Client secrets are handed to their owner and never stored, so the stored answer has none."""
    return Answer(given.status, {**given.body, "data": {**given.body["data"], "clientSecret": secret}})


def _message(deposit: Deposit) -> str:
    match deposit.state:
        case DepositState.CREATED | DepositState.CONFIRMING:
            return "Your deposit is stored and is sent as soon as the payment provider answers."
        case DepositState.REQUIRES_ACTION:
            return "Your bank asks you to confirm the payment."
        case DepositState.PROCESSING:
            return "Your payment is on its way; your wallet is credited when it is confirmed."
        case DepositState.SUCCEEDED:
            return "Your deposit is in your wallet."
        case DepositState.DECLINED | DepositState.CANCELED:
            return f"{sentence_for(deposit.failure_code)} No money was taken."


def _data(deposit: Deposit) -> dict[str, Any]:
    failed = deposit.state in (DepositState.DECLINED, DepositState.CANCELED)
    return {
        "depositId": deposit.id,
        "transactionId": deposit.id,
        "amount": deposit.amount.to_major(),
        "currency": deposit.amount.currency,
        "status": _STATUS.get(deposit.state, "pending"),
        "state": deposit.state.value,
        "stripePaymentIntentId": deposit.payment_intent_id,
        "failureCode": deposit.failure_code if failed else None,
        "failureReason": sentence_for(deposit.failure_code) if failed else None,
        "createdAt": deposit.created_at,
    }


_STATUS = {
    DepositState.SUCCEEDED: "completed",
    DepositState.DECLINED: "failed",
    DepositState.CANCELED: "failed",
}
