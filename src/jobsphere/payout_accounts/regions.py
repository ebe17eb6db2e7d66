"""Between which countries Stripe transfers under the full agreement. Rules only."""

_EUROPEAN_ECONOMIC_AREA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()
)
_REGION = _EUROPEAN_ECONOMIC_AREA | {"US", "CA", "GB", "CH"}


def needs_recipient_agreement(platform: str, contractor: str) -> bool:
    """Whether an account in ``contractor`` must be opened as one that only receives transfers.

    Countries are two capital letters. The agreement is fixed when the account is made; across the border
    of the region there are no transfers without it (stripe.md section 4, lifecycle.md section 10).
    """
    return platform != contractor and not {platform, contractor} <= _REGION
