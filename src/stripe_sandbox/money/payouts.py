"""Payouts: money sent from an account's available balance to its bank, which takes days and may fail."""

from typing import Any

from stripe_sandbox.books import BANKS, move
from stripe_sandbox.connect import external_accounts
from stripe_sandbox.connect.accounts import account_record, restand
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import invalid, no_such, refused
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    amount,
    currency,
    merged_metadata,
    metadata,
    moment_range,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.money.balance import available_minor, insufficient
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.money.currencies import payout_step
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, snapshot
from stripe_sandbox.webhooks.events import emit

CREATE = Parameters(
    required={"amount": amount, "currency": currency},
    optional={
        "description": text,
        "destination": text,
        "metadata": metadata,
        "method": one_of("instant", "standard"),
        "payout_method": not_simulated,
        "source_type": one_of("bank_account", "card", "fpx"),
        "statement_descriptor": text,
    },
)
UPDATE = Parameters(optional={"metadata": metadata})
CANCEL = Parameters()
LIST = dated_list_parameters(arrival_date=moment_range, destination=text, status=text)

INSTANT_MAX = 999_900
FAILURE_MESSAGES = {
    "account_closed": "The bank account has been closed.",
    "debit_not_authorized": "Debits are not permitted on this bank account.",
    "insufficient_funds": "The balance does not cover the payout.",
    "invalid_currency": "The bank account cannot take this currency.",
    "no_account": "The bank account could not be found.",
}


def create(call: Call) -> Record:
    """Send money to the account's bank.

    Raises:
        StripeError: payouts are not enabled, there is no usable bank, or too little is available.
    """
    bank = _destination(call)
    code, amount_minor = call.params["currency"], call.params["amount"]
    if call.get("method") == "instant" and amount_minor > INSTANT_MAX:
        raise refused("Instant Payouts to bank accounts are only supported up to $9999.")
    if call.get("method") == "instant":
        raise refused("Instant payouts are not simulated; this bank takes standard payouts only.", param="method")
    step = payout_step(code)
    if amount_minor % step:
        raise invalid(f"Payouts in {code} must be divisible by {step}.", "amount", "invalid_payout_amount")
    if available_minor(call.sandbox, call.account, code) < amount_minor:
        raise insufficient()
    given = call.only("description", "source_type", "statement_descriptor")
    metadata_given = merged_metadata({}, call.get("metadata", {}))
    return send(call.sandbox, bank, amount_minor, metadata=metadata_given, **given)


def send(sandbox: Sandbox, bank: Record, amount_minor: int, **fields: Any) -> Record:
    """Send available money of the bank's owner to the bank; ``fields`` override what a payout begins with."""
    account = bank["account"]
    payout = sandbox.add("payout", "po", account, **_blank(sandbox, bank, amount_minor) | fields)
    entry = enter(sandbox, account, "payout", -amount_minor, payout, _in_transit(payout))
    sandbox.store.change(payout, balance_transaction=entry["id"])
    sandbox.later(sandbox.settings.payout_leaves_after_seconds, "payout.leave", payout)
    emit(sandbox, "payout.created", payout)
    return payout


def leave(sandbox: Sandbox, payout: Record) -> None:
    """The payout is handed to the bank: it can no longer be canceled."""
    if payout["status"] == "pending":
        trace = {"status": "supported", "value": f"TRACE{payout['id'][-8:].upper()}"}
        previous = sandbox.store.change(payout, status="in_transit", trace_id=trace)
        emit(sandbox, "payout.updated", payout, previous)
        sandbox.schedule.at(payout["arrival_date"], "payout.arrive", payout["id"])


def arrive(sandbox: Sandbox, payout: Record) -> None:
    """The day of arrival: the bank takes the money, or refuses it if its number says so."""
    if payout["status"] != "in_transit":
        return
    bank = sandbox.store.get(payout["destination"])
    if bank and bank["_failure"]:
        fail(sandbox, payout, bank["_failure"])
        return
    entry = sandbox.store.get(payout["balance_transaction"])
    assert entry is not None, "a payout is entered when it is made"
    move(sandbox, entry, _in_transit(payout), BANKS, payout["amount"])
    sandbox.store.change(payout, status="paid")
    emit(sandbox, "payout.paid", payout)


def fail(sandbox: Sandbox, payout: Record, failure_code: str) -> None:
    """The bank sent the money back, perhaps after it had counted as paid; the bank is disabled."""
    where = BANKS if payout["status"] == "paid" else _in_transit(payout)
    _return_money(sandbox, payout, "payout_failure", where)
    message = FAILURE_MESSAGES.get(failure_code, "The bank returned the payout.")
    sandbox.store.change(payout, status="failed", failure_code=failure_code, failure_message=message)
    emit(sandbox, "payout.failed", payout)
    _disable_bank(sandbox, payout)


def cancel(call: Call) -> Record:
    """Take back a payout that was not handed to the bank yet."""
    return take_back(call.sandbox, call.named("payout", "payout"))


def take_back(sandbox: Sandbox, payout: Record) -> Record:
    """Cancel a payout and return its money to the balance.

    Raises:
        StripeError: it was handed to the bank, or is over.
    """
    if payout["status"] != "pending":
        message = f"Only pending payouts can be canceled; {payout['id']} has the status {payout['status']}."
        raise refused(message, "payout_cannot_be_canceled")
    _return_money(sandbox, payout, "payout_cancel", _in_transit(payout))
    sandbox.store.change(payout, status="canceled")
    emit(sandbox, "payout.canceled", payout)
    return payout


def retrieve(call: Call) -> Record:
    """One payout of the account that the request is made for."""
    return call.named("payout", "payout")


def update(call: Call) -> Record:
    """Change a payout's metadata."""
    payout = call.named("payout", "payout")
    merged = merged_metadata(payout["metadata"], call.get("metadata", {}))
    previous = call.sandbox.store.change(payout, metadata=merged)
    if previous:
        emit(call.sandbox, "payout.updated", payout, previous)
    return payout


def list_payouts(call: Call) -> Record:
    """Payouts, newest first."""
    where = call.only("destination", "status")
    arrival = call.get("arrival_date", {})
    return page(call, "payout", "/v1/payouts", where, lambda payout: _within(payout["arrival_date"], arrival))


def _destination(call: Call) -> Record:
    account = account_record(call.sandbox, call.account)
    code = call.params["currency"]
    if "destination" in call.params:
        bank = call.sandbox.store.get(call.params["destination"])
        if bank is None or bank["object"] != "bank_account" or bank["_account"] != call.account:
            raise no_such("external account", call.params["destination"], "destination", 400)
        if bank["status"] == "errored":
            raise refused("A payout to this bank account failed; update the account first.", "payouts_not_allowed")
    else:
        bank = external_accounts.usable(call.sandbox, call.account, code)
    if not account["payouts_enabled"]:
        raise refused("Payouts are not enabled for this account.", "payouts_not_allowed")
    if bank is None or bank["currency"] != code:
        message = f"Sorry, there is no external account in that currency ({code})."
        raise refused(message, param="currency")
    return bank


def _blank(sandbox: Sandbox, bank: Record, amount_minor: int) -> Record:
    return {
        "amount": amount_minor,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": sandbox.now() + sandbox.settings.payout_arrives_after_seconds,
        "automatic": False,
        "balance_transaction": None,
        "currency": bank["currency"],
        "description": None,
        "destination": bank["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def _return_money(sandbox: Sandbox, payout: Record, kind: str, where: str) -> None:
    entry = enter(sandbox, payout["_account"], kind, payout["amount"], payout, where)
    sandbox.store.change(payout, failure_balance_transaction=entry["id"])


def _disable_bank(sandbox: Sandbox, payout: Record) -> None:
    bank = sandbox.store.get(payout["destination"])
    account = account_record(sandbox, payout["_account"])
    before = snapshot(account)
    if bank:
        external_accounts.disable(sandbox, bank)
    restand(sandbox, account, before)


def _in_transit(payout: Record) -> str:
    return f"{payout['_account']}:in_transit"


def _within(moment: int, bounds: dict[str, int]) -> bool:
    checks = {"gt": moment.__gt__, "gte": moment.__ge__, "lt": moment.__lt__, "lte": moment.__le__}
    return all(checks[name](bound) for name, bound in bounds.items())
