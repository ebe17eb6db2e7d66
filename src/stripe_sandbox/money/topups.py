"""Top-ups: money that the platform brings into its balance from its own bank."""

import hashlib
from typing import Any

from stripe_sandbox.books import BANKS
from stripe_sandbox.connect.external_accounts import failure_of_token
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import no_such, refused
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    amount,
    clearable,
    currency,
    merged_metadata,
    metadata,
    moment_range,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.ids import new_id
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.money.currencies import check_step
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

CREATE = Parameters(
    required={"amount": amount, "currency": currency},
    optional={
        "description": text,
        "metadata": metadata,
        "payment_method": not_simulated,
        "payment_method_options": not_simulated,
        "source": text,
        "statement_descriptor": text,
        "transfer_group": text,
    },
)
UPDATE = Parameters(optional={"description": clearable(text), "metadata": metadata})
CANCEL = Parameters()
LIST = dated_list_parameters(amount=moment_range, status=one_of("canceled", "failed", "pending", "succeeded"))

# The states of a top-up.
PENDING = "pending"  # the bank was asked for the money; nothing counts yet
SUCCEEDED = "succeeded"  # the money is available; the bank may still take it back
FAILED = "failed"  # final: the bank refused
CANCELED = "canceled"  # final: taken back before the bank paid
REVERSED = "reversed"  # final: the bank took the money back

_MESSAGE = "The bank did not pay the top-up."


def create(call: Call) -> Record:
    """Ask the bank for money; it is available some days later, unless the bank refuses.

    Raises:
        StripeError: the source is not one of the test banks.
    """
    check_step(call.params["amount"], call.params["currency"])
    failure = _failure(call.params.get("source", "btok_us_verified"))
    sandbox = call.sandbox
    topup = sandbox.add(
        "topup",
        "tu",
        call.account,
        amount=call.params["amount"],
        balance_transaction=None,
        currency=call.params["currency"],
        description=call.get("description"),
        expected_availability_date=sandbox.now() + sandbox.settings.topup_arrives_after_seconds,
        failure_code=None,
        failure_message=None,
        livemode=False,
        metadata=merged_metadata({}, call.get("metadata", {})),
        source=_source(sandbox, call.params["currency"]),
        statement_descriptor=call.get("statement_descriptor"),
        status=PENDING,
        transfer_group=call.get("transfer_group"),
        _failure=failure,
    )
    sandbox.schedule.at(topup["expected_availability_date"], "topup.arrive", topup["id"])
    emit(sandbox, "topup.created", topup)
    return topup


def arrive(sandbox: Sandbox, topup: Record) -> None:
    """The day has come: the money is there, or the bank refuses."""
    if topup["status"] != PENDING:
        return
    if topup["_failure"]:
        fail(sandbox, topup, topup["_failure"])
        return
    entry = enter(sandbox, topup["_account"], "topup", topup["amount"], topup, BANKS)
    sandbox.store.change(topup, balance_transaction=entry["id"], status=SUCCEEDED)
    emit(sandbox, "topup.succeeded", topup)


def fail(sandbox: Sandbox, topup: Record, code: str) -> None:
    """The bank refuses, or takes back what it had paid, even if it is spent by now."""
    changes: dict[str, Any] = {"failure_code": code, "failure_message": _MESSAGE}
    if topup["status"] == SUCCEEDED:
        enter(sandbox, topup["_account"], "topup_reversal", -topup["amount"], topup, BANKS)
        sandbox.store.change(topup, status=REVERSED, **changes)
        emit(sandbox, "topup.reversed", topup)
    elif topup["status"] == PENDING:
        sandbox.store.change(topup, status=FAILED, **changes)
        emit(sandbox, "topup.failed", topup)


def cancel(call: Call) -> Record:
    """Take back a top-up that is still pending."""
    topup = call.named("topup", "topup")
    if topup["status"] != PENDING:
        raise refused(f"Only pending top-ups can be canceled; {topup['id']} has the status {topup['status']}.")
    call.sandbox.store.change(topup, status=CANCELED)
    emit(call.sandbox, "topup.canceled", topup)
    return topup


def retrieve(call: Call) -> Record:
    """One top-up."""
    return call.named("topup", "topup")


def update(call: Call) -> Record:
    """Change a top-up's description or metadata."""
    topup = call.named("topup", "topup")
    changes = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(topup["metadata"], changes["metadata"])
    call.sandbox.store.change(topup, **changes)
    return topup


def list_topups(call: Call) -> Record:
    """Top-ups, newest first."""
    bounds = call.get("amount", {})
    low = max(bounds.get("gte", 0), bounds.get("gt", -1) + 1)
    high = min(bounds.get("lte", 1 << 62), bounds.get("lt", (1 << 62) + 1) - 1)
    return page(call, "topup", "/v1/topups", call.only("status"), lambda topup: low <= topup["amount"] <= high)


def _failure(source: str) -> str | None:
    try:
        return failure_of_token(source)
    except KeyError:
        raise no_such("source", source, "source", 400) from None


def _source(sandbox: Sandbox, code: str) -> Record:
    """The bank as Stripe shows it here: as a source of an old kind."""
    identifier = new_id("src")
    return {
        "id": identifier,
        "object": "source",
        "ach_debit": {
            "bank_name": "STRIPE TEST BANK",
            "country": "US",
            "fingerprint": hashlib.sha256(b"bank").hexdigest()[:16],
            "last4": "6789",
            "routing_number": "110000000",
            "type": "company",
        },
        "amount": None,
        "client_secret": f"{identifier}_secret",
        "created": sandbox.now(),
        "currency": code,
        "flow": "none",
        "livemode": False,
        "metadata": {},
        "owner": None,
        "statement_descriptor": None,
        "status": "chargeable",
        "type": "ach_debit",
        "usage": "reusable",
    }
