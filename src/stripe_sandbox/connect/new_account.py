"""An account before anybody has filled in anything: all its fields and settings."""

from typing import Any

from stripe_sandbox.connect.requirements import no_requirements
from stripe_sandbox.store import Record

_PROFILE = ("mcc", "name", "product_description", "support_address", "support_email", "support_phone", "url")
# Elsewhere it is the euro.
_CURRENCY_OF = {
    "AE": "aed",
    "AU": "aud",
    "BR": "brl",
    "CA": "cad",
    "CH": "chf",
    "CZ": "czk",
    "DK": "dkk",
    "GB": "gbp",
    "HK": "hkd",
    "HU": "huf",
    "IN": "inr",
    "IS": "isk",
    "JP": "jpy",
    "KR": "krw",
    "KW": "kwd",
    "MX": "mxn",
    "MY": "myr",
    "NO": "nok",
    "NZ": "nzd",
    "PL": "pln",
    "RO": "ron",
    "SE": "sek",
    "SG": "sgd",
    "TH": "thb",
    "TW": "twd",
    "UG": "ugx",
    "US": "usd",
}


def new_account(identifier: str, now: int, country: str, kind: str, controller: Record) -> dict[str, Any]:
    """The record of an account of this type that may do nothing yet."""
    return {
        "id": identifier,
        "object": "account",
        "business_profile": dict.fromkeys(_PROFILE),
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": controller,
        "country": country,
        "created": now,
        "default_currency": _CURRENCY_OF.get(country, "eur"),
        "details_submitted": False,
        "email": None,
        "future_requirements": no_requirements(),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": no_requirements(),
        "settings": _default_settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": kind,
        "_currencies": [],
        "_rejected_reason": "other",
        "_requested": [],
        "_restriction": None,
        "_swept": False,
    }


def _default_settings() -> dict[str, Any]:
    return {
        "bacs_debit_payments": {},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
