"""The balance of an account: what it may use now and what is still on its way."""

from stripe_sandbox.books import balance_minor, currencies
from stripe_sandbox.connect.accounts import account_record
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, refused
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


def available_minor(sandbox: Sandbox, account: str, currency: str) -> int:
    """What the account may spend now, in minor units."""
    return balance_minor(sandbox, f"{account}:available", currency)


def retrieve(call: Call) -> Record:
    """The balance of the account that the request is made for."""
    sandbox, account = call.sandbox, call.account
    held = currencies(sandbox, account) or [account_record(sandbox, account)["default_currency"]]
    return {
        "object": "balance",
        "available": [_amount(sandbox, account, "available", currency) for currency in held],
        "livemode": False,
        "pending": [_amount(sandbox, account, "pending", currency) for currency in held],
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def insufficient() -> StripeError:
    """The available balance does not cover what was asked for."""
    message = (
        "You have insufficient available funds in your Stripe account for this. Money from card payments stays "
        "pending for some days; `GET /v1/balance` shows what is available."
    )
    return refused(message, "balance_insufficient")


def _amount(sandbox: Sandbox, account: str, bucket: str, currency: str) -> Record:
    amount_minor = balance_minor(sandbox, f"{account}:{bucket}", currency)
    return {"amount": amount_minor, "currency": currency, "source_types": {"card": amount_minor}}
