"""Transfer reversals: money brought back from a connected account that still has it."""

from stripe_sandbox.books import TRANSFERS
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import refused
from stripe_sandbox.http.lists import list_parameters, page
from stripe_sandbox.http.parameters import Parameters, amount, merged_metadata, metadata, not_simulated, text
from stripe_sandbox.money.balance import available_minor, insufficient
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.money.transfers import view
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

CREATE = Parameters(
    optional={
        "amount": amount,
        "description": text,
        "metadata": metadata,
        "refund_application_fee": not_simulated,
    }
)
UPDATE = Parameters(optional={"metadata": metadata})
LIST = list_parameters()


def create(call: Call) -> Record:
    """Bring back all or part of a transfer."""
    transfer = call.named("transfer", "id")
    given_metadata = merged_metadata({}, call.get("metadata", {}))
    return bring_back(call.sandbox, transfer, call.get("amount"), given_metadata)


def bring_back(
    sandbox: Sandbox, transfer: Record, amount_asked: int | None, given_metadata: dict[str, str] | None = None
) -> Record:
    """Reverse ``amount_asked`` (minor units), or all that is left of a transfer when it is None.

    Raises:
        StripeError: it is reversed already, less is left of it, or the connected account spent the money.
    """
    amount_minor = _checked(sandbox, transfer, amount_asked)
    reversal = sandbox.add(
        "transfer_reversal",
        "trr",
        transfer["_account"],
        amount=amount_minor,
        balance_transaction=None,
        currency=transfer["currency"],
        destination_payment_refund=None,
        metadata=given_metadata or {},
        source_refund=None,
        transfer=transfer["id"],
    )
    _enter_both_sides(sandbox, transfer, reversal)
    reversed_minor = transfer["amount_reversed"] + amount_minor
    sandbox.store.change(transfer, amount_reversed=reversed_minor, reversed=reversed_minor == transfer["amount"])
    emit(sandbox, "transfer.reversed", view(sandbox, transfer), account=transfer["_account"])
    return reversal


def retrieve(call: Call) -> Record:
    """One reversal of a transfer."""
    call.named("transfer", "id")
    return call.named("transfer_reversal", "reversal", "id")


def update(call: Call) -> Record:
    """Change a reversal's metadata."""
    reversal = retrieve(call)
    merged = merged_metadata(reversal["metadata"], call.get("metadata", {}))
    call.sandbox.store.change(reversal, metadata=merged)
    return reversal


def list_reversals(call: Call) -> Record:
    """The reversals of a transfer, newest first."""
    transfer = call.named("transfer", "id")
    url = f"/v1/transfers/{transfer['id']}/reversals"
    return page(call, "transfer_reversal", url, {"transfer": transfer["id"]})


def _checked(sandbox: Sandbox, transfer: Record, amount_asked: int | None) -> int:
    left = transfer["amount"] - transfer["amount_reversed"]
    if left == 0:
        raise refused(f"Transfer {transfer['id']} is already fully reversed.")
    asked = left if amount_asked is None else amount_asked
    if asked > left:
        raise refused(f"The reversal's amount ({asked}) is greater than what is left ({left}).", param="amount")
    if available_minor(sandbox, transfer["destination"], transfer["currency"]) < asked:
        raise insufficient()
    return asked


def _enter_both_sides(sandbox: Sandbox, transfer: Record, reversal: Record) -> None:
    """Out of the connected account as the refund of its payment, back into the platform."""
    payment = sandbox.store.get(transfer["destination_payment"])
    assert payment is not None, "every transfer arrived as a payment"
    refund = _refund_of_payment(sandbox, payment, reversal)
    amount_minor = reversal["amount"]
    out = enter(sandbox, transfer["destination"], "payment_refund", -amount_minor, refund, TRANSFERS)
    back = enter(sandbox, transfer["_account"], "transfer_refund", amount_minor, reversal, TRANSFERS)
    sandbox.store.change(refund, balance_transaction=out["id"])
    sandbox.store.change(reversal, balance_transaction=back["id"], destination_payment_refund=refund["id"])
    refunded_minor = payment["amount_refunded"] + amount_minor
    sandbox.store.change(payment, amount_refunded=refunded_minor, refunded=refunded_minor == payment["amount"])


def _refund_of_payment(sandbox: Sandbox, payment: Record, reversal: Record) -> Record:
    return sandbox.add(
        "refund",
        "pyr",
        payment["_account"],
        amount=reversal["amount"],
        balance_transaction=None,
        charge=payment["id"],
        currency=payment["currency"],
        metadata={},
        payment_intent=None,
        reason=None,
        receipt_number=None,
        source_transfer_reversal=reversal["id"],
        status="succeeded",
        transfer_reversal=None,
    )
