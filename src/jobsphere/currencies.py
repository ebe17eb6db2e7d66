"""The currencies that Stripe takes cards in, and what is particular about each (docs.stripe.com/currencies)."""

import re
from dataclasses import dataclass
from typing import Self

# stripe.md section 7: "Zero-decimal currencies" and "Special cases".
_ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
_WHOLE_UNITS_TIMES_100 = frozenset({"isk", "ugx"})
# Charged with two decimals, but paid out in whole units only.
_WHOLE_UNITS_AT_BANKS = frozenset({"huf", "twd"})

SUPPORTED = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp
    cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils
    inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr
    mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek
    sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf
    yer zar zmw
    """.split()
)

# The least that Stripe charges a card, in minor units, where it is not 50.
_CHARGE_MINIMUM_MINOR = {
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
# What Stripe takes in one charge: eight digits (stripe.md section 1).
CHARGE_MAXIMUM_MINOR = 99_999_999

# Where a major unit is worth much less than a dollar: how many are about one, as a power of ten.
_ABOUT_ONE_DOLLAR = {
    10: "bob bwp cny czk dkk dop egp gmd gtq hkd hnl lsl mad mdl mkd mop mur mvr mxn mzn nad nok php sek sle srd "
    "std szl thb top try ttd twd uah uyu zar zmw",
    100: "afn all bdt dzd etb fkp gyd htg huf inr isk jmd jpy kes kgs lkr nio npr pkr rsd rub xpf cve vuv yer kmf "
    "ars lrd djf sos scr",
    1000: "amd ang aoa bif cdf clp cop crc kzt krw mmk mnt mwk ngn rwf tzs xaf xof",
    10_000: "gnf idr khr lak lbp mga pyg ugx uzs vnd",
}
_SCALE = {code: scale for scale, codes in _ABOUT_ONE_DOLLAR.items() for code in codes.split()}


class MoneyError(ValueError):
    """An amount or a combination of amounts that money does not have."""


@dataclass(frozen=True, slots=True)
class Currency:
    """How a currency is written for people, counted at Stripe, and moved.

    ``decimals`` are shown; one major unit is ``minor_per_major`` minor units. Amounts that people give are
    multiples of ``step_minor``, so that each can be charged to a card **and** paid out to a bank: ISK and UGX are
    whole units sent times 100, the last digit of three-decimal currencies is 0, and banks take HUF and TWD in
    whole units. ``scale`` is a power of ten: so many major units are about a dollar, for limits that nobody set.
    """

    code: str
    decimals: int
    minor_per_major: int
    step_minor: int
    charge_minimum_minor: int = 50
    scale: int = 1

    @classmethod
    def of(cls, code: str) -> Self:
        """Any currency, also one that Stripe does not charge cards in.

        Raises:
            MoneyError: it is not written as one.
        """
        if not re.fullmatch("[a-z]{3}", code):
            raise MoneyError(f"a currency is three lower-case letters, not {code!r}")
        least, scale = _CHARGE_MINIMUM_MINOR.get(code, 50), _SCALE.get(code, 1)
        if code in _ZERO_DECIMAL:
            return cls(code, 0, 1, 1, least, scale)
        if code in _THREE_DECIMAL:
            return cls(code, 3, 1000, 10, least, scale)
        if code in _WHOLE_UNITS_TIMES_100:
            return cls(code, 0, 100, 100, least, scale)
        return cls(code, 2, 100, 100 if code in _WHOLE_UNITS_AT_BANKS else 1, least, scale)
