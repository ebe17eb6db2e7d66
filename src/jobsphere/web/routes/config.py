"""What a frontend has to know before anybody signs in."""

from decimal import Decimal

from fastapi import Depends
from fastapi.responses import JSONResponse

from jobsphere.marketplace.fees import PLATFORM_FEE_BASIS_POINTS, SERVICE_FEE_BASIS_POINTS
from jobsphere.money import Currency
from jobsphere.settings import Settings
from jobsphere.web.answers import answer
from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("configuration")


@routes.get("/api/config", dependencies=[Depends(public)])
async def config(context: CurrentContext) -> JSONResponse:
    """The publishable key, the currency, the limits of amounts and the fees."""
    settings = context.settings
    return answer(
        "Configuration.",
        {
            "publishableKey": settings.stripe_publishable_key,
            "currency": settings.payment_currency,
            "currencyDecimals": Currency.of(settings.payment_currency).decimals,
            "platformName": settings.platform_name,
            "limits": _limits(settings),
            "fees": {
                "platformFeePercent": _percent(PLATFORM_FEE_BASIS_POINTS),
                "serviceFeePercent": _percent(SERVICE_FEE_BASIS_POINTS),
            },
        },
    ).response()


def _limits(settings: Settings) -> dict[str, str]:
    decimals = Currency.of(settings.payment_currency).decimals
    limits = {
        "depositMinimum": settings.deposit_minimum,
        "depositMaximum": settings.deposit_maximum,
        "withdrawalMinimum": settings.withdrawal_minimum,
        "withdrawalMaximum": settings.withdrawal_maximum,
        "offerMinimum": settings.offer_minimum,
        "offerMaximum": settings.offer_maximum,
    }
    return {name: f"{limit:.{decimals}f}" for name, limit in limits.items()}


def _percent(basis_points: int) -> str:
    return f"{Decimal(basis_points) / 100:f}"
