"""Deposits by card: start one, look at it, go on with it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.deposits import store
from jobsphere.deposits.ask import ask
from jobsphere.deposits.attempts import Tried, attempts_of
from jobsphere.deposits.card import Look, look_at
from jobsphere.deposits.declines import sentence_for
from jobsphere.deposits.lifecycle import UNSENT, Deposit, DepositState
from jobsphere.deposits.pace import Pace
from jobsphere.deposits.resume import resume
from jobsphere.deposits.saved_cards import default_card
from jobsphere.deposits.send import client_secret, send
from jobsphere.deposits.start import start
from jobsphere.identity.people import Role, User
from jobsphere.money import Money
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.wallets.limits import Limits
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost, Outcome, replace_answer

routes = router("deposits")

START = IdempotentPost("deposits.start")
RESUME = IdempotentPost("deposits.resume")
# The request leaves the rest to the worker after this; the calls to Stripe it makes take less.
LEASE_SECONDS = 30

Depositor = Annotated[User, Depends(allow(Role.CUSTOMER, Role.CONTRACTOR))]
PaymentMethodId = Annotated[str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,250}$")]


class NewDeposit(Body):
    amount: Amount
    payment_method_id: PaymentMethodId | None = None
    save_card: bool = False


class ResumedDeposit(Body):
    payment_method_id: PaymentMethodId | None = None


@routes.post("/api/wallet/deposit", status_code=201, openapi_extra=DOCUMENTED)
async def deposit(request: Request, context: CurrentContext, caller: Depositor, body: NewDeposit) -> JSONResponse:
    """Pay into your wallet by card; `GET /api/config` says how much is possible.

    `status` is `pending` until Stripe's signed event credits the wallet. 202: Stripe has not answered
    yet, JobSphere goes on by itself. `state` `requires_action`: confirm with `clientSecret`. A declined
    card is `failed` with its reason; resume the deposit with another card. Without `paymentMethodId` your
    default card pays; with `saveCard` the card is kept for next time.
    """
    amount = Money.from_major(body.amount, context.settings.payment_currency)
    deposit_id, now = context.ids.new(), context.clock.now()
    method = body.payment_method_id or await _default(context, caller)
    look = await look_at(context.gateway, method)

    async def verb(connection: AsyncConnection) -> Answer:
        started = await start(
            connection,
            deposit_id=deposit_id,
            user_id=caller.id,
            amount=amount,
            payment_method_id=method,
            limits=_limits(context),
            now=now,
            lease_seconds=_lease_seconds(look),
            card=look.card,
            saves_card=body.save_card,
            pace=_pace(context),
        )
        return _answer(started)

    outcome = await START.run(request, context, caller, verb)
    return await _sent(context, caller, outcome, look)


@routes.post("/api/wallet/deposits/{deposit_id}/resume", openapi_extra=DOCUMENTED)
async def resume_deposit(
    request: Request, context: CurrentContext, caller: Depositor, deposit_id: UUID, body: ResumedDeposit
) -> JSONResponse:
    """Go on with a deposit: try another card after a decline, or ask what became of it.

    With `paymentMethodId` the same payment is tried with that card. Without it Stripe is asked how far the
    payment is, and `clientSecret` is given again while your bank asks you to confirm it.
    """
    if body.payment_method_id is None:
        return await _asked(context, caller, deposit_id)
    method, now = body.payment_method_id, context.clock.now()
    look = await look_at(context.gateway, method)

    async def verb(connection: AsyncConnection) -> Answer:
        resumed = await resume(
            connection,
            deposit_id=deposit_id,
            user_id=caller.id,
            payment_method_id=method,
            now=now,
            lease_seconds=_lease_seconds(look),
            card=look.card,
            pace=_pace(context),
        )
        return _answer(resumed, done=200)

    outcome = await RESUME.run(request, context, caller, verb)
    return await _sent(context, caller, outcome, look, done=200)


@routes.get("/api/wallet/deposits/{deposit_id}")
async def one_deposit(deposit_id: UUID, context: CurrentContext, caller: Depositor) -> JSONResponse:
    """How far your deposit is, every card that was tried, and the client secret while it waits for you."""
    async with reading(context.engine) as connection:
        found = await store.find_owned(connection, deposit_id, caller.id)
        tried = await attempts_of(connection, deposit_id)
    secret = await client_secret(context.gateway, found)
    data = {**_data(found), "attempts": _attempts(tried)}
    return _with_secret(answer(_message(found), data), secret).response()


async def _sent(context: Context, caller: User, outcome: Outcome, look: Look, *, done: int = 201) -> JSONResponse:
    """Go on with what was stored as far as Stripe answers; a repeated request only gets its answer again."""
    deposit_id = UUID(outcome.answer.body["data"]["depositId"])
    if outcome.replayed:
        async with reading(context.engine) as connection:
            found = await store.find_owned(connection, deposit_id, caller.id)
        secret = await client_secret(context.gateway, found)
        return _with_secret(outcome.answer, secret).response({"Idempotent-Replayed": "true"})
    if not look.is_answered:
        # Nobody waits for a second call that gets no answer either: the worker goes on.
        context.wake()
        return _with_secret(outcome.answer, None).response()
    sent = await send(context.engine, context.gateway, context.clock, deposit_id)
    context.wake()
    if outcome.key is not None:
        await replace_answer(context.engine, outcome.key, _answer(sent.deposit, done=done))
    return _with_secret(_answer(sent.deposit, done=done), sent.client_secret).response()


def _lease_seconds(look: Look) -> float:
    """How long the worker leaves the deposit to the request."""
    return LEASE_SECONDS if look.is_answered else 0


async def _asked(context: Context, caller: User, deposit_id: UUID) -> JSONResponse:
    async with reading(context.engine) as connection:
        found = await store.find_owned(connection, deposit_id, caller.id)
    # Where Stripe does not say, it is as it was.
    with suppress(OutcomeUnknown, Refused, StripeMisconfigured):
        found = await ask(context.engine, context.gateway, context.clock, deposit_id)
    secret = await client_secret(context.gateway, found)
    return _with_secret(_answer(found, done=200), secret).response()


async def _default(context: Context, caller: User) -> str:
    async with reading(context.engine) as connection:
        return await default_card(connection, caller.id)


def _pace(context: Context) -> Pace:
    settings = context.settings
    return Pace(settings.deposits_per_hour_max, settings.card_failures_per_day_max)


def _limits(context: Context) -> Limits:
    return Limits.of_settings(context.settings, "deposit")


def _answer(deposit: Deposit, *, done: int = 201) -> Answer:
    return answer(_message(deposit), _data(deposit), 202 if deposit.state in UNSENT else done)


def _with_secret(given: Answer, secret: str | None) -> Answer:
    """Client secrets are handed to their owner and never stored, so the stored answer has none."""
    return Answer.of(given.status, {**given.body, "data": {**given.body["data"], "clientSecret": secret}})


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
        case DepositState.DECLINED | DepositState.CANCELED | DepositState.EXPIRED:
            return f"{sentence_for(deposit.failure_code)} No money was taken."


def _data(deposit: Deposit) -> dict[str, Any]:
    failed = _STATUS.get(deposit.state) == "failed"
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


def _attempts(tried: Sequence[Tried]) -> list[dict[str, Any]]:
    return [
        {
            "number": one.attempt.number,
            "state": one.attempt.state.value,
            "cardBrand": one.attempt.card.brand if one.attempt.card else None,
            "cardLast4": one.attempt.card.last4 if one.attempt.card else None,
            "failureCode": one.attempt.failure_code,
            "failureReason": sentence_for(one.attempt.failure_code) if one.attempt.failure_code else None,
            "startedAt": one.started_at,
            "endedAt": one.ended_at,
        }
        for one in tried
    ]


_STATUS = {
    DepositState.SUCCEEDED: "completed",
    DepositState.DECLINED: "failed",
    DepositState.CANCELED: "failed",
    DepositState.EXPIRED: "failed",
}
