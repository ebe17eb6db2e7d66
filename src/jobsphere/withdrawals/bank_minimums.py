"""The least that Stripe sends to a bank, by country and currency. Rules only.

Source: docs.stripe.com/connect/cross-border-payouts/special-requirements, "Cross-border minimum payout amounts per
country", and docs.stripe.com/payouts, "Minimum payout amounts". Most are one unit of the currency; where banks
take fees it is more. A payout of less is refused, or stays on the account for ever.
"""

from jobsphere.money import Money

# Country, currency, major units; only where it is another amount than one unit.
_TABLE = """
    AL all 3000    AM amd 12100   AO aoa 23000   AR ars 4600    AU aud 0       AZ azn 50      BA bam 50
    BD bdt 20      BO bob 200     BT btn 2500    CA cad 0       CL clp 23000   CO cop 140000  CR crc 0
    EC usd 0       EG egp 20      GA xaf 100     GY gyd 6300    IL ils 0       KH khr 123000  KR krw 40000
    LA lak 516000  MA mad 0       MD mdl 500     MG mga 132300  MK mkd 1500    MN mnt 105000  MX mxn 10
    MY myr 133     MZ mzn 1700    NA nad 550     PA usd 50      PE pen 0       PH php 20      PY pyg 210000
    RS rsd 3000    RW rwf 100     SV usd 30      TH thb 600     TN tnd 0       TR try 5       TT ttd 0
    TW twd 800     TZ tzs 800     US usd 0       UY uyu 0       UZ uzs 343000  VN vnd 81125   ZA zar 100
"""
_FIELDS = _TABLE.split()
_MAJOR = {
    (country, currency): int(major)
    for country, currency, major in zip(_FIELDS[::3], _FIELDS[1::3], _FIELDS[2::3], strict=True)
}
_USUAL = 1


class BelowBankMinimum(Exception):
    """Stripe sends no such small amount to a bank in ``country``."""

    def __init__(self, country: str, minimum: Money) -> None:
        super().__init__(f"{minimum} in {country}")
        self.country = country
        self.minimum = minimum


def require_sendable(amount: Money, country: str) -> None:
    """Raises ``BelowBankMinimum`` unless Stripe sends it to a bank in ``country`` (two capital letters)."""
    minimum = Money.from_major(str(_MAJOR.get((country, amount.currency), _USUAL)), amount.currency)
    if amount < minimum:
        raise BelowBankMinimum(country, minimum)
