"""What admins see of the platform's money."""

from typing import Annotated

from fastapi import Depends
from fastapi.responses import JSONResponse

from jobsphere.database import reading
from jobsphere.identity.people import Role, User
from jobsphere.ledger.accounts import platform_fees, processing_costs, service_fees, stripe_balance
from jobsphere.ledger.read import balances
from jobsphere.money import Money
from jobsphere.web.answers import answer
from jobsphere.web.auth import allow
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("administration")

Admin = Annotated[User, Depends(allow(Role.ADMIN))]


@routes.get("/api/admin/platform")
async def platform(context: CurrentContext, caller: Admin) -> JSONResponse:
    """What the platform has earned, what Stripe kept of payments, and what it holds at Stripe by the ledger."""
    currency = context.settings.payment_currency
    fees = (platform_fees(currency), service_fees(currency))
    async with reading(context.engine) as connection:
        found = await balances(connection, [*fees, processing_costs(currency), stripe_balance(currency)])
    earned = sum((found[fee] for fee in fees), Money.zero(currency))
    data = {
        "fees": earned.to_major(),
        "platformFees": found[fees[0]].to_major(),
        "serviceFees": found[fees[1]].to_major(),
        "processingCosts": found[processing_costs(currency)].to_major(),
        "stripeBalance": found[stripe_balance(currency)].to_major(),
        "currency": currency,
    }
    return answer("The platform's money.", data).response()
