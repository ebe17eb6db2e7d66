"""Which card a payment method is, asked of Stripe before anything is stored."""

import asyncio
from dataclasses import dataclass

from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import Card

LOOK_SECONDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Look:
    """``card`` is None where Stripe does not know it, or did not answer (``is_answered`` false)."""

    card: Card | None
    is_answered: bool = True


async def look_at(gateway: StripeGateway, payment_method_id: str) -> Look:
    """Ask Stripe which card it is; where that gives none, the attempt to pay with it says why."""
    try:
        async with asyncio.timeout(LOOK_SECONDS_MAX):
            return Look((await gateway.retrieve_payment_method(payment_method_id)).card)
    except (Refused, StripeMisconfigured):
        return Look(None)
    except (OutcomeUnknown, TimeoutError):
        return Look(None, is_answered=False)
