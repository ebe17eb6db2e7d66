"""What a frontend has to know before anybody signs in."""

from decimal import Decimal

from fastapi import Depends
from fastapi.responses import JSONResponse

from jobsphere.marketplace.fees import PLATFORM_FEE_BASIS_POINTS, SERVICE_FEE_BASIS_POINTS
from jobsphere.money import Currency, Money
from jobsphere.settings import Settings
from jobsphere.wallets.limits import Limits, What
from jobsphere.web.answers import answer
from jobsphere.web.auth import public
from jobsphere.web.bodies import router
from jobsphere.web.context import CurrentContext

routes = router("configuration")


@routes.get("/api/config", dependencies=[Depends(public)])
async def config(context: CurrentContext) -> JSONResponse:
    """The publishable key, the currency, the limits of amounts and the fees."""
    settings = context.settings
    unit = Currency.of(settings.payment_currency)
    return answer(
        "Configuration.",
        {
            "publishableKey": settings.stripe_publishable_key,
            "currency": settings.payment_currency,
            "currencyDecimals": unit.decimals,
            # Amounts are multiples of this.
            "currencyStep": Money(unit.step_minor, unit.code).to_major(),
            "platformName": settings.platform_name,
            "limits": _limits(settings),
            "fees": {
                "platformFeePercent": _percent(PLATFORM_FEE_BASIS_POINTS),
                "serviceFeePercent": _percent(SERVICE_FEE_BASIS_POINTS),
            },
        },
    ).response()


def _limits(settings: Settings) -> dict[str, str]:
    kinds: tuple[What, ...] = ("deposit", "withdrawal", "offer")
    found = {what: Limits.of_settings(settings, what) for what in kinds}
    minima = {f"{what}Minimum": limits.minimum.to_major() for what, limits in found.items()}
    return minima | {f"{what}Maximum": limits.maximum.to_major() for what, limits in found.items()}


def _percent(basis_points: int) -> str:
    return f"{Decimal(basis_points) / 100:f}"
