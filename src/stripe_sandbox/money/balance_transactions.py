"""Balance transactions: the statement line for every movement of an account's money."""

from stripe_sandbox.books import STRIPE_FEES, move
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import refused
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import currency, text
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

LIST = dated_list_parameters(currency=currency, payout=text, source=text, type=text)

_CATEGORIES = {
    "adjustment": "dispute",
    "payment": "charge",
    "payment_refund": "refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "transfer_refund": "transfer_reversal",
}


def enter(
    sandbox: Sandbox,
    account: str,
    kind: str,
    amount_minor: int,
    source: Record,
    other_side: str,
    *,
    fee_minor: int = 0,
    fee_description: str = "Stripe processing fees",
    available_on: int | None = None,
    description: str | None = None,
    category: str | None = None,
) -> Record:
    """Move ``amount_minor`` (negative: out) between the account and the book ``other_side``, and state it.

    With an ``available_on`` that lies ahead the money is pending until then; otherwise it counts at once.
    The fee, if any, goes to Stripe; a negative one comes back from there. ``category`` is the reporting
    category, if it is not the one that ``kind`` usually has.
    """
    now = sandbox.now()
    pending = available_on is not None and available_on > now
    entry = sandbox.add(
        "balance_transaction",
        "txn",
        account,
        amount=amount_minor,
        available_on=available_on if pending else now,
        balance_type="payments",
        currency=source["currency"],
        description=description,
        exchange_rate=None,
        fee=fee_minor,
        fee_details=_fee_details(fee_minor, fee_description, source["currency"]),
        net=amount_minor - fee_minor,
        reporting_category=category or _CATEGORIES.get(kind, kind),
        source=source["id"],
        status="pending" if pending else "available",
        type=kind,
        _moves=[],
        _paid_out_by=None,
    )
    own = f"{account}:{entry['status']}"
    _move_signed(sandbox, entry, other_side, own, amount_minor)
    _move_signed(sandbox, entry, own, STRIPE_FEES, fee_minor)
    if pending:
        sandbox.schedule.at(entry["available_on"], "funds.available", entry["id"])
    return entry


def become_available(sandbox: Sandbox, entry: Record) -> None:
    """Pending money has reached its day."""
    account = entry["_account"]
    _move_signed(sandbox, entry, f"{account}:pending", f"{account}:available", entry["net"])
    sandbox.store.change(entry, status="available")


def retrieve(call: Call) -> Record:
    """One balance transaction."""
    return call.named("balance_transaction", "id")


def list_balance_transactions(call: Call) -> Record:
    """An account's statement, newest first; by ``payout`` what an automatic one paid out, and its own line.

    Raises:
        StripeError: the payout was made by hand, so that nobody can say what it paid out.
    """
    where = call.only("currency", "source", "type")
    payout = call.given("payout", "payout")
    if payout and not payout["automatic"]:
        raise refused("Balance transactions can be listed by automatic payouts only.", param="payout")
    if payout:
        where["_paid_out_by"] = payout["id"]
    return page(call, "balance_transaction", "/v1/balance_transactions", where)


def _move_signed(sandbox: Sandbox, entry: Record, source: str, destination: str, amount_minor: int) -> None:
    """Move ``amount_minor`` forward, or its opposite backwards when it is negative."""
    if amount_minor >= 0:
        move(sandbox, entry, source, destination, amount_minor)
    else:
        move(sandbox, entry, destination, source, -amount_minor)


def _fee_details(fee_minor: int, description: str, fee_currency: str) -> list[Record]:
    if not fee_minor:
        return []
    return [
        {
            "amount": fee_minor,
            "application": None,
            "currency": fee_currency,
            "description": description,
            "type": "stripe_fee",
        }
    ]
