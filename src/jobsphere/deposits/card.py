"""Which card a payment method is, asked of Stripe before anything is stored."""

import asyncio

from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.stripe_gateway.objects import Card

LOOK_SECONDS_MAX = 3


async def look_at(gateway: StripeGateway, payment_method_id: str) -> Card | None:
    """The card, or None where Stripe does not know it or does not answer: then its attempt says why."""
    try:
        async with asyncio.timeout(LOOK_SECONDS_MAX):
            return (await gateway.retrieve_payment_method(payment_method_id)).card
    except (OutcomeUnknown, Refused, StripeMisconfigured, TimeoutError):
        return None
