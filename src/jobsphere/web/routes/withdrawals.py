"""Withdrawals to a bank."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.money import Money
from jobsphere.wallets.wallet import available_balance, wallet_of
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, router
from jobsphere.web.context import CurrentContext
from jobsphere.web.errors import problem_for
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost
from jobsphere.web.turns import Turns
from jobsphere.withdrawals import reasons, store
from jobsphere.withdrawals.cancel import cancel
from jobsphere.withdrawals.configured import policy_of
from jobsphere.withdrawals.quote import Quote, quote
from jobsphere.withdrawals.request import request as request_withdrawal
from jobsphere.withdrawals.waiting import arrives_at, waiting
from jobsphere.withdrawals.withdrawal import Withdrawal, WithdrawalState

routes = router("withdrawals")

REQUEST = IdempotentPost("withdrawals.request")
TURNS = Turns()
CANCEL = IdempotentPost("withdrawals.cancel")

Contractor = Annotated[User, Depends(allow(Role.CONTRACTOR))]


_MESSAGES = {
    WithdrawalState.RESERVED: "Your withdrawal is on its way to your bank.",
    WithdrawalState.HELD_FOR_REVIEW: "We look at your withdrawal before it is sent.",
}


class NewWithdrawal(Body):
    amount: Amount


@routes.post("/api/wallet/withdraw", status_code=201, openapi_extra=DOCUMENTED)
async def withdraw(
    request: Request, context: CurrentContext, caller: Contractor, body: NewWithdrawal
) -> JSONResponse:
    """Send money to your bank. It leaves your wallet now and is `pending` until the bank has it."""
    amount = Money.from_major(body.amount, context.settings.payment_currency)
    withdrawal_id, now = context.ids.new(), context.clock.now()

    async def verb(connection: AsyncConnection) -> Answer:
        reserved = await request_withdrawal(
            connection,
            withdrawal_id=withdrawal_id,
            user_id=caller.id,
            amount=amount,
            policy=policy_of(context.settings),
            now=now,
        )
        balance = await available_balance(connection, await wallet_of(connection, caller.id))
        data = {**withdrawal_data(reserved, now), "newBalance": balance.to_major()}
        return answer(_MESSAGES[reserved.state], data, 201)

    async with TURNS.of(caller.id):
        outcome = await REQUEST.run(request, context, caller, verb)
    context.wake()
    return outcome.response()


@routes.post("/api/wallet/withdraw/quote")
async def quote_withdrawal(context: CurrentContext, caller: Contractor, body: NewWithdrawal) -> JSONResponse:
    """What would arrive at your bank, when, and everything that stands against it. Nothing is moved."""
    quoted = await quote(
        context.engine,
        context.gateway,
        user_id=caller.id,
        amount=Money.from_major(body.amount, context.settings.payment_currency),
        policy=policy_of(context.settings),
        now=context.clock.now(),
    )
    return answer("What your withdrawal would come to.", _quote_data(quoted)).response()


@routes.post("/api/wallet/withdrawals/{withdrawal_id}/cancel", openapi_extra=DOCUMENTED)
async def cancel_withdrawal(
    request: Request, withdrawal_id: UUID, context: CurrentContext, caller: Contractor
) -> JSONResponse:
    """Take a withdrawal back while nothing of it is under way at Stripe; the money is in your wallet at once."""
    now = context.clock.now()

    async def verb(connection: AsyncConnection) -> Answer:
        canceled = await cancel(connection, withdrawal_id=withdrawal_id, user_id=caller.id, now=now)
        balance = await available_balance(connection, await wallet_of(connection, caller.id))
        data = {**withdrawal_data(canceled, now), "newBalance": balance.to_major()}
        return answer("Your withdrawal is canceled.", data)

    return (await CANCEL.run(request, context, caller, verb)).response()


@routes.get("/api/wallet/withdrawals/{withdrawal_id}")
async def one_withdrawal(withdrawal_id: UUID, context: CurrentContext, caller: Contractor) -> JSONResponse:
    """How far your withdrawal is, and why it waits if it does."""
    async with reading(context.engine) as connection:
        found = await store.find_owned(connection, withdrawal_id, caller.id)
    return answer("Your withdrawal.", withdrawal_data(found, context.clock.now())).response()


def withdrawal_data(withdrawal: Withdrawal, now: datetime) -> dict[str, Any]:
    """The fields of a withdrawal; whatever is not its end says what it waits for, and until when."""
    wait = waiting(withdrawal, now)
    reason = wait.reason if wait else reasons.by_code(withdrawal.reason)
    return {
        "withdrawalId": withdrawal.id,
        "transactionId": withdrawal.id,
        "amount": withdrawal.amount.to_major(),
        "currency": withdrawal.amount.currency,
        "status": _STATUS.get(withdrawal.state, "pending"),
        "state": withdrawal.state.value,
        "reasonCode": reason.code if reason else None,
        "reason": reason.sentence if reason else None,
        "nextStep": reason.next_step if reason else None,
        "expectedAt": wait.until if wait else None,
        "isCancelable": withdrawal.is_cancelable,
        "transferId": withdrawal.transfer_id,
        "payoutId": withdrawal.payout_id,
        "estimatedArrival": arrives_at(withdrawal, now),
        "createdAt": withdrawal.created_at,
    }


def _quote_data(quoted: Quote) -> dict[str, Any]:
    wait = quoted.waits_for
    return {
        "amount": quoted.amount.to_major(),
        "currency": quoted.amount.currency,
        "fee": quoted.fee.to_major(),
        "arrives": quoted.arrives.to_major(),
        "isPossible": not quoted.refusals,
        "problems": [_problem(refusal) for refusal in quoted.refusals],
        "reasonCode": wait.code if wait else None,
        "reason": wait.sentence if wait else None,
        "nextStep": wait.next_step if wait else None,
        "expectedAt": quoted.until,
        "estimatedArrival": quoted.estimated_arrival,
    }


def _problem(refusal: Exception) -> dict[str, str]:
    problem = problem_for(refusal)
    return {"code": problem.code, "title": problem.title, "detail": problem.detail.format(error=refusal)}


_STATUS = {
    WithdrawalState.PAID: "completed",
    WithdrawalState.FAILED: "failed",
    WithdrawalState.REVERSING: "failed",
    WithdrawalState.RETURNED: "failed",
    WithdrawalState.CANCELED: "failed",
}
