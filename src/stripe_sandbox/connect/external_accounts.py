"""External accounts: the banks that payouts go to, with the test numbers that make payouts fail."""

from collections.abc import Iterator
from typing import Any

from stripe_sandbox.http.errors import StripeError, invalid, refused
from stripe_sandbox.http.parameters import Parameters, currency, one_of, text
from stripe_sandbox.ids import new_id
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

GOOD_NUMBER = "000123456789"
FAILURES = {
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
}
NUMBERS = frozenset({GOOD_NUMBER, "000999999991", *FAILURES})
_TOKENS = {"btok_us": GOOD_NUMBER, "btok_us_verified": GOOD_NUMBER} | {
    f"btok_us_{code}": number for number, code in FAILURES.items()
}
_BANK = Parameters(
    required={"account_number": text, "country": text},
    optional={
        "account_holder_name": text,
        "account_holder_type": one_of("individual", "company"),
        "account_type": one_of("checking", "savings"),
        "currency": currency,
        "object": one_of("bank_account"),
        "routing_number": text,
    },
)


def failure_of_token(token: str) -> str | None:
    """Why money does not move between Stripe and the bank that a token stands for; None if it does.

    Raises:
        KeyError: there is no such token.
    """
    return FAILURES.get(_TOKENS[token])


def attach(sandbox: Sandbox, account: Record, given: Any, param: str, *, default: bool = True) -> Record:
    """Add a bank account, given by token or by its numbers; payouts go to it from now on if it is the default.

    The first in its currency is the default in any case.

    Raises:
        StripeError: the token is unknown, or the number is not one of the test numbers.
    """
    details = _details(given, param)
    code = details.get("currency") or account["default_currency"]
    others = [other for other in of_account(sandbox, account["id"]) if other["currency"] == code]
    for other in others if default else ():
        sandbox.store.change(other, default_for_currency=False)
    bank = _new(sandbox, account, details, code)
    sandbox.store.change(bank, default_for_currency=default or not others)
    emit(sandbox, "account.external_account.created", bank, account=account["id"])
    return bank


def attach_default(sandbox: Sandbox, account: Record) -> Record:
    """Add the bank account at which every payout arrives."""
    return _new(sandbox, account, {"account_number": GOOD_NUMBER}, account["default_currency"])


def of_account(sandbox: Sandbox, account: str) -> Iterator[Record]:
    """An account's banks, newest first."""
    return sandbox.store.newest_first("bank_account", account, {})


def usable(sandbox: Sandbox, account: str, wanted_currency: str | None = None) -> Record | None:
    """The bank that a payout goes to: the default of its currency, unless a payout to it failed."""
    for bank in of_account(sandbox, account):
        right_currency = wanted_currency in (None, bank["currency"])
        if right_currency and bank["default_for_currency"] and bank["status"] != "errored":
            return bank
    return None


def disable(sandbox: Sandbox, bank: Record) -> None:
    """A payout to this bank failed: nothing more goes there until the owner acts."""
    previous = sandbox.store.change(bank, status="errored")
    emit(sandbox, "account.external_account.updated", bank, previous)


def remove(sandbox: Sandbox, bank: Record) -> None:
    """Forget a bank; if payouts went there, the newest other one in its currency takes its place."""
    sandbox.store.remove(bank)
    emit(sandbox, "account.external_account.deleted", bank)
    others = [other for other in of_account(sandbox, bank["account"]) if other["currency"] == bank["currency"]]
    if bank["default_for_currency"] and others:
        previous = sandbox.store.change(others[0], default_for_currency=True)
        emit(sandbox, "account.external_account.updated", others[0], previous)


def _details(given: Any, param: str) -> Record:
    if isinstance(given, dict):
        details = _BANK.read(given, param)
    elif given in _TOKENS:
        details = {"account_number": _TOKENS[given]}
    else:
        raise invalid(f"No such token: '{given}'", param, "resource_missing")
    if details["account_number"] not in NUMBERS:
        raise _not_a_test_number()
    return details


def _not_a_test_number() -> StripeError:
    message = f"Use a test bank account number, such as {GOOD_NUMBER}; real ones are refused here."
    return refused(message, "account_number_invalid", "bank_account[account_number]")


def _new(sandbox: Sandbox, account: Record, details: Record, code: str) -> Record:
    number = details["account_number"]
    bank: Record = {
        "id": new_id("ba"),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": details.get("account_holder_name"),
        "account_holder_type": details.get("account_holder_type"),
        "account_type": details.get("account_type"),
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": details.get("country", account["country"]),
        "currency": code,
        "default_for_currency": True,
        "fingerprint": f"bank{number[-8:]}",
        "future_requirements": _no_requirements(),
        "last4": number[-4:],
        "metadata": {},
        "requirements": _no_requirements(),
        "routing_number": details.get("routing_number", "110000000"),
        "status": "new",
        "_failure": FAILURES.get(number),
    }
    return sandbox.store.add(bank, account["id"])


def _no_requirements() -> Record:
    return {"currently_due": [], "errors": [], "past_due": [], "pending_verification": []}
