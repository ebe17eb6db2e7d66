"""Withdrawals to a bank, and the payout account that they need."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.money import Money
from jobsphere.payout_accounts.onboarding import ConnectStatus, check_status, connect
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


class NewAccount(Body):
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = None


# A request without a body.
_ANY_COUNTRY = NewAccount()


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


@routes.post("/api/wallet/connect")
async def connect_account(
    request: Request, context: CurrentContext, caller: Contractor, body: NewAccount = _ANY_COUNTRY
) -> JSONResponse:
    """Open your payout account at Stripe, or go on with it: a fresh page for you at `onboardingUrl`."""
    onboarding = await connect(
        context.engine,
        context.gateway,
        context.clock,
        caller,
        country=body.country or context.settings.platform_country,
        pages_base=context.settings.frontend_url or str(request.base_url).rstrip("/"),
    )
    data = {
        "accountId": onboarding.account_id,
        "onboardingUrl": onboarding.link.url,
        "expiresAt": onboarding.link.expires_at,
    }
    return answer("Complete your payout account on the page at onboardingUrl.", data).response()


@routes.get("/api/wallet/connect/status")
async def connect_status(context: CurrentContext, caller: Contractor) -> JSONResponse:
    """Whether you can withdraw, asked of Stripe at this moment."""
    status = await check_status(context.engine, context.gateway, context.clock, caller.id)
    return answer(_status_message(status), _status_data(status)).response()


def _limits(context: Context) -> Limits:
    settings = context.settings
    return Limits.of(settings.withdrawal_minimum, settings.withdrawal_maximum, settings.payment_currency)


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


def _status_message(status: ConnectStatus) -> str:
    if status.account is None:
        return "You have no payout account yet. Open one with POST /api/wallet/connect."
    if status.onboarded:
        return "Your payout account is ready."
    return "Your payout account is not complete. Go on with POST /api/wallet/connect."


def _status_data(status: ConnectStatus) -> dict[str, Any]:
    account = status.account
    return {
        "accountId": account.id if account else None,
        "onboarded": status.onboarded,
        "detailsSubmitted": account.details_submitted if account else False,
        "transfersActive": account is not None and account.transfers == "active",
        "payoutsEnabled": account.payouts_enabled if account else False,
        "disabledReason": account.disabled_reason if account else None,
        "currentlyDue": list(account.currently_due) if account else [],
    }
