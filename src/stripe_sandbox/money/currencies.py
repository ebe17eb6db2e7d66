"""What amounts a currency allows (docs.stripe.com/currencies): the least, and steps greater than one minor unit.

Amounts are in Stripe's minor units: hundredths, whole units for currencies without decimals, thousandths for those
with three.
"""

from stripe_sandbox.http.errors import invalid

THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))  # thousandths, of which the last is 0
WHOLE_UNITS = frozenset(("isk", "ugx"))  # without decimals by now, but still written with two: 00
WHOLE_UNITS_IN_PAYOUTS = WHOLE_UNITS | {"huf", "twd"}

# The least that may be charged, where it is not 50 minor units.
_LEAST = {
    "aed": 200,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17_500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}


def check_charge(amount_minor: int, code: str) -> None:
    """Refuse to charge less than the currency's least, or a fraction it does not have."""
    least = _LEAST.get(code, 50)
    if amount_minor < least:
        raise invalid(f"Amount must be at least {least} minor units of {code}.", "amount", "amount_too_small")
    check_step(amount_minor, code)


def check_step(amount_minor: int, code: str) -> None:
    """Refuse an amount with a fraction that the currency does not have."""
    step = _step(code)
    if amount_minor % step:
        raise invalid(f"Amounts in {code} must be divisible by {step}.", "amount", "parameter_invalid_integer")


def payout_step(code: str) -> int:
    """Payouts are a multiple of this many minor units."""
    return 100 if code in WHOLE_UNITS_IN_PAYOUTS else _step(code)


def _step(code: str) -> int:
    if code in WHOLE_UNITS:
        return 100
    return 10 if code in THREE_DECIMALS else 1
