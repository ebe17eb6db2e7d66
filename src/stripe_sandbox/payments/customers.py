"""Customers: who pays."""

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.errors import no_such
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    Reader,
    anything,
    clearable,
    merged_metadata,
    metadata,
    not_simulated,
    one_of,
    text,
)
from stripe_sandbox.payments import payment_methods
from stripe_sandbox.payments.given_cards import declined
from stripe_sandbox.payments.payment_methods import attach_to, by_id_or_token, card_of, check_not_used_up
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

_INVOICING = Parameters(
    optional={
        "custom_fields": anything,
        "default_payment_method": clearable(text),
        "footer": clearable(text),
        "rendering_options": anything,
    }
)
_SHARED: dict[str, Reader] = {
    "address": clearable(payment_methods.BILLING.readers["address"]),
    "balance": not_simulated,
    "description": clearable(text),
    "email": clearable(text),
    "invoice_settings": _INVOICING,
    "metadata": metadata,
    "name": clearable(text),
    "phone": clearable(text),
    "preferred_locales": anything,
    "shipping": clearable(anything),
    "source": not_simulated,
    "tax_exempt": one_of("none", "exempt", "reverse"),
    **dict.fromkeys(("business_name", "individual_name", "invoice_prefix", "next_invoice_sequence"), anything),
    **dict.fromkeys(("cash_balance", "tax", "validate"), not_simulated),
}
CREATE = Parameters(
    optional=_SHARED | {"payment_method": text, "tax_id_data": not_simulated, "test_clock": not_simulated}
)
UPDATE = Parameters(optional=_SHARED | {"default_source": not_simulated})
LIST = dated_list_parameters(email=text, test_clock=not_simulated)


def create(call: Call) -> Record:
    """A new customer; a payment method given along is saved to it."""
    method = None
    if "payment_method" in call.params:
        method = by_id_or_token(call, call.params["payment_method"], "payment_method")
        check_not_used_up(method)
        decline = card_of(method).decline
        if decline and not card_of(method).may_be_saved:
            raise declined(decline)
    customer = call.sandbox.add("customer", "cus", call.account, **_blank())
    call.sandbox.store.change(customer, **_changes(call, customer))
    emit(call.sandbox, "customer.created", customer)
    if method:
        attach_to(call.sandbox, method, customer["id"])
    return customer


def retrieve(call: Call) -> Record:
    """One customer; of a deleted one only that it is deleted."""
    return view(call.named("customer", "customer", "id"))


def update(call: Call) -> Record:
    """Change a customer."""
    customer = _living(call)
    previous = call.sandbox.store.change(customer, **_changes(call, customer))
    if previous:
        emit(call.sandbox, "customer.updated", customer, previous)
    return customer


def list_customers(call: Call) -> Record:
    """Customers, newest first."""
    where = call.only("email")
    return page(call, "customer", "/v1/customers", where)


def delete(call: Call) -> Record:
    """Delete a customer and give up its payment methods."""
    customer = _living(call)
    store = call.sandbox.store
    for method in list(store.newest_first("payment_method", call.account, {"customer": customer["id"]})):
        store.change(method, customer=None, _used=True)
    store.change(customer, _deleted=True)
    emit(call.sandbox, "customer.deleted", customer)
    return _tombstone(customer)


def _living(call: Call) -> Record:
    """The customer that the path names, unless it was deleted: that can be looked at, and nothing else."""
    customer = call.named("customer", "customer", "id")
    if customer.get("_deleted"):
        raise no_such("customer", customer["id"], "id")
    return customer


def view(customer: Record) -> Record:
    """The customer as Stripe shows it: of a deleted one only that it is deleted."""
    return _tombstone(customer) if customer.get("_deleted") else customer


def _tombstone(customer: Record) -> Record:
    return {"id": customer["id"], "object": "customer", "deleted": True}


def _changes(call: Call, customer: Record) -> Record:
    changes = {name: value for name, value in call.params.items() if name in customer}
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(customer["metadata"], changes["metadata"])
    if "invoice_settings" in changes:
        changes["invoice_settings"] = customer["invoice_settings"] | changes["invoice_settings"]
    return changes


def _blank() -> Record:
    return {
        "address": None,
        "balance": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
