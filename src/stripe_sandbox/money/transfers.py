"""Transfers: money moved at once from the platform's available balance to a connected account, and back."""

from stripe_sandbox.books import TRANSFERS
from stripe_sandbox.connect.accounts import account_record, connected
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import StripeError, invalid, no_such, refused
from stripe_sandbox.http.lists import as_list, dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    amount,
    clearable,
    currency,
    merged_metadata,
    metadata,
    one_of,
    text,
)
from stripe_sandbox.money.balance import available_minor, insufficient
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.money.currencies import check_step
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.events import emit

CREATE = Parameters(
    required={"currency": currency, "destination": text},
    optional={
        "amount": amount,
        "description": text,
        "metadata": metadata,
        "source_transaction": text,
        "source_type": one_of("bank_account", "card", "fpx"),
        "transfer_group": text,
    },
)
UPDATE = Parameters(optional={"description": clearable(text), "metadata": metadata})
LIST = dated_list_parameters(destination=text, transfer_group=text)
REVERSALS_SHOWN = 10

_OF_CARDS_ONLY = (
    "application application_fee application_fee_amount balance_transaction calculated_statement_descriptor "
    "customer dispute failure_balance_transaction failure_code failure_message on_behalf_of outcome "
    "payment_intent payment_method receipt_email receipt_number receipt_url review shipping "
    "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
).split()


def create(call: Call) -> Record:
    """Move money to a connected account that may receive it.

    Raises:
        StripeError: the destination is unknown or lacks the capability, or the available balance is too low.
    """
    charge = call.given("charge", "source_transaction") if "source_transaction" in call.params else None
    amount_minor = _amount(call, charge)
    check_step(amount_minor, call.params["currency"])
    destination = _destination(call)
    if charge:
        _check_charge(call, charge, amount_minor)
    elif available_minor(call.sandbox, call.account, call.params["currency"]) < amount_minor:
        raise insufficient()
    transfer = _new(call, destination, amount_minor, charge)
    _enter_both_sides(call.sandbox, transfer, charge)
    emit(call.sandbox, "transfer.created", view(call.sandbox, transfer), account=call.account)
    return view(call.sandbox, transfer)


def retrieve(call: Call) -> Record:
    """One transfer with its newest reversals."""
    return view(call.sandbox, call.named("transfer", "transfer"))


def update(call: Call) -> Record:
    """Change a transfer's description or metadata."""
    transfer = call.named("transfer", "transfer")
    changes = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(transfer["metadata"], changes["metadata"])
    previous = call.sandbox.store.change(transfer, **changes)
    if previous:
        emit(call.sandbox, "transfer.updated", view(call.sandbox, transfer), previous, call.account)
    return view(call.sandbox, transfer)


def list_transfers(call: Call) -> Record:
    """Transfers, newest first."""
    where = call.only("destination", "transfer_group")
    found = page(call, "transfer", "/v1/transfers", where)
    return found | {"data": [view(call.sandbox, transfer) for transfer in found["data"]]}


def view(sandbox: Sandbox, transfer: Record) -> Record:
    """The transfer as Stripe shows it, with its newest reversals."""
    newest = list(sandbox.store.newest_first("transfer_reversal", PLATFORM, {"transfer": transfer["id"]}))
    listed = as_list(
        [shown(reversal) for reversal in newest[:REVERSALS_SHOWN]],
        f"/v1/transfers/{transfer['id']}/reversals",
        has_more=len(newest) > REVERSALS_SHOWN,
    )
    return shown(transfer) | {"reversals": listed | {"total_count": len(newest)}}


def _amount(call: Call, charge: Record | None) -> int:
    if "amount" in call.params:
        return int(call.params["amount"])
    if charge is None:
        raise invalid("Missing required param: amount.", "amount", "parameter_missing")
    return int(charge["amount"])


def _destination(call: Call) -> Record:
    identifier = call.params["destination"]
    try:
        account = connected(call, identifier)
    except StripeError:
        raise no_such("destination", identifier, "destination", 400) from None
    if account["id"] == call.account:
        raise refused("An account cannot transfer money to itself.", param="destination")
    if account["capabilities"].get("transfers") != "active":
        raise refused(
            "The destination account needs to have the capability `transfers` enabled to receive this.",
            "insufficient_capabilities_for_transfer",
        )
    return account


def _check_charge(call: Call, charge: Record, amount_minor: int) -> None:
    """A transfer tied to a charge may not be greater than what is left of the charge."""
    used = call.sandbox.store.newest_first("transfer", call.account, {"source_transaction": charge["id"]})
    left = charge["amount"] - charge["amount_refunded"] - sum(t["amount"] - t["amount_reversed"] for t in used)
    if not charge["captured"] or charge["currency"] != call.params["currency"]:
        raise refused("The charge was not paid, or has another currency.", param="source_transaction")
    if amount_minor > left:
        raise refused(
            f"The transfer's amount is greater than what is left of the charge ({left}).", param="amount"
        )


def _new(call: Call, destination: Record, amount_minor: int, charge: Record | None) -> Record:
    return call.sandbox.add(
        "transfer",
        "tr",
        call.account,
        amount=amount_minor,
        amount_reversed=0,
        balance_transaction=None,
        currency=call.params["currency"],
        description=call.get("description"),
        destination=destination["id"],
        destination_payment=None,
        livemode=False,
        metadata=merged_metadata({}, call.get("metadata", {})),
        reversed=False,
        source_transaction=charge["id"] if charge else None,
        source_type=call.get("source_type", "card"),
        transfer_group=call.get("transfer_group", charge["transfer_group"] if charge else None),
    )


def _enter_both_sides(sandbox: Sandbox, transfer: Record, charge: Record | None) -> None:
    """Out of the platform, into the connected account as a payment; pending as long as the charge is."""
    available_on = _available_on(sandbox, charge)
    amount_minor, platform, destination = transfer["amount"], transfer["_account"], transfer["destination"]
    out = enter(sandbox, platform, "transfer", -amount_minor, transfer, TRANSFERS, available_on=available_on)
    payment = _payment(sandbox, transfer)
    into = enter(sandbox, destination, "payment", amount_minor, payment, TRANSFERS, available_on=available_on)
    sandbox.store.change(payment, balance_transaction=into["id"])
    sandbox.store.change(transfer, balance_transaction=out["id"], destination_payment=payment["id"])
    emit(sandbox, "payment.created", payment)


def _available_on(sandbox: Sandbox, charge: Record | None) -> int | None:
    if charge is None:
        return None
    entry = sandbox.store.get(charge["balance_transaction"] or "")
    if entry is None:
        return sandbox.now() + sandbox.settings.card_funds_delay_seconds
    return entry["available_on"] if entry["status"] == "pending" else None


def _payment(sandbox: Sandbox, transfer: Record) -> Record:
    """How the connected account sees the transfer: as a charge with an id of its own kind."""
    platform = account_record(sandbox, transfer["_account"])
    return sandbox.add(
        "charge",
        "py",
        transfer["destination"],
        amount=transfer["amount"],
        amount_captured=transfer["amount"],
        amount_refunded=0,
        billing_details={"address": None, "email": None, "name": None, "phone": None},
        captured=True,
        currency=transfer["currency"],
        description=transfer["description"],
        disputed=False,
        livemode=False,
        metadata={},
        fraud_details={},
        paid=True,
        payment_method_details={"stripe_account": {}, "type": "stripe_account"},
        radar_options={},
        refunded=False,
        source={"id": platform["id"], "object": "account"},
        source_transfer=transfer["id"],
        status="succeeded",
        **dict.fromkeys(_OF_CARDS_ONLY),
    )
