"""The contractor's payout account: open it, see how it stands, get to its pages at Stripe."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import StringConstraints

from jobsphere.identity.people import Role, User
from jobsphere.payout_accounts.account import PayoutAccount
from jobsphere.payout_accounts.open import connect, open_dashboard
from jobsphere.payout_accounts.standing import AccountState, Standing, by_state
from jobsphere.payout_accounts.watch import Status, check
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import Body, router
from jobsphere.web.context import Context, CurrentContext

routes = router("payout account")

Contractor = Annotated[User, Depends(allow(Role.CONTRACTOR))]
Password = Annotated[str, StringConstraints(max_length=200)]


class NewAccount(Body):
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = None
    password: Password | None = None


class WithPassword(Body):
    password: Password


# A request without a body.
_ANY_COUNTRY = NewAccount()


@routes.post("/api/wallet/connect")
async def connect_account(
    request: Request, context: CurrentContext, caller: Contractor, body: NewAccount = _ANY_COUNTRY
) -> JSONResponse:
    """Open your payout account at Stripe, or go on with it: a fresh page for you at `onboardingUrl`.

    Once a bank account is entered, the page can change it, and the password is needed.
    """
    onboarding = await connect(
        context.engine,
        context.gateway,
        context.clock,
        caller,
        country=body.country or context.settings.platform_country,
        platform_country=context.settings.platform_country,
        password=body.password,
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
    """How your payout account stands, asked of Stripe at this moment, and what you do next."""
    status = await check(context.engine, context.gateway, context.clock, caller.id)
    standing = status.account.standing if status.account else by_state(AccountState.NOT_OPENED)
    return answer(_message(status, standing), _data(context, status, standing)).response()


@routes.post("/api/wallet/connect/dashboard")
async def dashboard(context: CurrentContext, caller: Contractor, body: WithPassword) -> JSONResponse:
    """Your pages at Stripe, where you see payouts and change your bank account; the link signs you in, once."""
    url = await open_dashboard(context.engine, context.gateway, context.clock, caller, password=body.password)
    return answer("Your dashboard at Stripe is at dashboardUrl.", {"dashboardUrl": url}).response()


def _message(status: Status, standing: Standing) -> str:
    if status.is_fresh:
        return standing.explanation
    return f"Stripe does not answer at the moment. When it last did: {standing.explanation}"


def _data(context: Context, status: Status, standing: Standing) -> dict[str, Any]:
    account = status.account
    return {
        "accountId": account.account_id if account else None,
        "onboarded": standing.state is AccountState.READY,
        "state": standing.state.value,
        "explanation": standing.explanation,
        "nextStep": standing.next_step.value,
        "checkedAt": account.seen_at if account else None,
        "bankAccount": _bank(account) if account else None,
        "withdrawalsHeldUntil": _held_until(context, account) if account else None,
        "country": account.country if account else None,
        "detailsSubmitted": account.details_submitted if account else False,
        "transfersActive": account is not None and account.transfers == "active",
        "payoutsEnabled": account.payouts_enabled if account else False,
        "disabledReason": account.disabled_reason if account else None,
        "currentlyDue": list(account.currently_due) if account else [],
    }


def _bank(account: PayoutAccount) -> dict[str, Any] | None:
    """The one that payouts go to, or went to last."""
    return {"bankName": account.bank_name, "last4": account.bank_last4} if account.bank_id else None


def _held_until(context: Context, account: PayoutAccount) -> Any:
    until = account.held_until(timedelta(hours=context.settings.bank_change_wait_hours))
    return until if until is not None and until > context.clock.now() else None
