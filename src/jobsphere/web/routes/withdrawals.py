"""Withdrawals to a bank."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.money import Money
from jobsphere.wallets.limits import Limits
from jobsphere.wallets.wallet import available_balance, wallet_of
from jobsphere.web.answers import Answer, answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Amount, Body, router
from jobsphere.web.context import Context, CurrentContext
from jobsphere.web.idempotency import DOCUMENTED, IdempotentPost
from jobsphere.withdrawals import reasons, store
from jobsphere.withdrawals.lifecycle import Withdrawal, WithdrawalState
from jobsphere.withdrawals.request import request as request_withdrawal

routes = router("withdrawals")

REQUEST = IdempotentPost("withdrawals.request")

Contractor = Annotated[User, Depends(allow(Role.CONTRACTOR))]


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
            limits=_limits(context),
            now=now,
        )
        balance = await available_balance(connection, await wallet_of(connection, caller.id))
        data = {**_data(reserved), "newBalance": balance.to_major()}
        return answer("Your withdrawal is on its way to your bank.", data, 201)

    outcome = await REQUEST.run(request, context, caller, verb)
    context.wake()
    return outcome.response()


@routes.get("/api/wallet/withdrawals/{withdrawal_id}")
async def one_withdrawal(withdrawal_id: UUID, context: CurrentContext, caller: Contractor) -> JSONResponse:
    """How far your withdrawal is, and why it waits if it does."""
    async with reading(context.engine) as connection:
        found = await store.find_owned(connection, withdrawal_id, caller.id)
    return answer("Your withdrawal.", _data(found)).response()


def _limits(context: Context) -> Limits:
    settings = context.settings
    return Limits.of_settings(settings, "withdrawal")


def _data(withdrawal: Withdrawal) -> dict[str, Any]:
    reason = reasons.by_code(withdrawal.reason)
    return {
        "withdrawalId": withdrawal.id,
        "transactionId": withdrawal.id,
        "amount": withdrawal.amount.to_major(),
        "currency": withdrawal.amount.currency,
        "status": _STATUS.get(withdrawal.state, "pending"),
        "state": withdrawal.state.value,
        "reasonCode": withdrawal.reason,
        "reason": reason.sentence if reason else None,
        "transferId": withdrawal.transfer_id,
        "payoutId": withdrawal.payout_id,
        "estimatedArrival": withdrawal.estimated_arrival,
        "createdAt": withdrawal.created_at,
    }


_STATUS = {
    WithdrawalState.PAID: "completed",
    WithdrawalState.FAILED: "failed",
    WithdrawalState.REVERSING: "failed",
    WithdrawalState.RETURNED: "failed",
}
