"""Charges: single attempts to take money from a card, failed ones included."""

from stripe_sandbox.books import CARDS
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.lists import dated_list_parameters, page
from stripe_sandbox.http.parameters import Parameters, anything, clearable, merged_metadata, metadata, text
from stripe_sandbox.money.balance_transactions import enter
from stripe_sandbox.payments.cards import Aftermath, Card, Decline
from stripe_sandbox.payments.payment_methods import card_of
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import Settings
from stripe_sandbox.store import Record
from stripe_sandbox.webhooks.events import emit

UPDATE = Parameters(
    optional={
        "customer": text,
        "description": clearable(text),
        "fraud_details": anything,
        "metadata": metadata,
        "receipt_email": clearable(text),
        "shipping": anything,
        "transfer_group": text,
    }
)
LIST = dated_list_parameters(customer=text, payment_intent=text, transfer_group=text)

_COPIED = (
    "amount",
    "currency",
    "customer",
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def fee_minor(settings: Settings, amount_minor: int) -> int:
    """Stripe's fee for a card charge, half a minor unit rounded up."""
    return (amount_minor * settings.fee_per_mille + 500) // 1000 + settings.fee_fixed_minor


def succeed(sandbox: Sandbox, intent: Record, method: Record, *, authenticated: bool, captured: bool) -> Record:
    """A charge that the bank accepted. Its money is entered by ``settle``, when or after it is captured."""
    charge = _new(sandbox, intent, method, authenticated=authenticated)
    charge |= {
        "amount_captured": intent["amount"] if captured else 0,
        "captured": captured,
        "outcome": _accepted(),
        "paid": True,
        "status": "succeeded",
    }
    return charge


def settle(sandbox: Sandbox, charge: Record) -> None:
    """Enter the money of a charge, once: pending for some days, or available at once with cards made for that."""
    if charge["balance_transaction"]:
        return
    settings = sandbox.settings
    delay = 0 if _card(sandbox, charge).available_at_once else settings.card_funds_delay_seconds
    entry = enter(
        sandbox,
        charge["_account"],
        "charge",
        charge["amount_captured"],
        charge,
        CARDS,
        fee_minor=fee_minor(settings, charge["amount_captured"]),
        available_on=sandbox.now() + delay,
        description=charge["description"],
    )
    sandbox.store.change(charge, balance_transaction=entry["id"])


def settle_and_tell(sandbox: Sandbox, charge: Record) -> None:
    """As ``settle``, after the charge was told of without its balance transaction."""
    if charge["balance_transaction"] is None:
        settle(sandbox, charge)
        emit(sandbox, "charge.updated", charge, {"balance_transaction": None})


def follow_up(sandbox: Sandbox, charge: Record) -> None:
    """What follows a captured charge: its money, now or later, and what its card is made for."""
    settings = sandbox.settings
    if settings.charge_settles_after_seconds:
        sandbox.later(settings.charge_settles_after_seconds, "charge.settle", charge)
    else:
        settle_and_tell(sandbox, charge)
    if _card(sandbox, charge).aftermath is not Aftermath.NOTHING:
        sandbox.later(settings.aftermath_follows_after_seconds, "charge.aftermath", charge)


def fail(sandbox: Sandbox, intent: Record, method: Record, decline: Decline) -> Record:
    """A charge that was declined."""
    charge = _new(sandbox, intent, method, authenticated=False)
    charge |= {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": _declined(decline, card_of(method)),
        "status": "failed",
    }
    emit(sandbox, "charge.failed", charge)
    return charge


def retrieve(call: Call) -> Record:
    """One charge."""
    return call.named("charge", "charge", "id")


def update(call: Call) -> Record:
    """Change what may be changed about a charge: words, not money."""
    charge = call.named("charge", "charge", "id")
    call.given("customer", "customer")
    changes = dict(call.params)
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(charge["metadata"], changes["metadata"])
    previous = call.sandbox.store.change(charge, **changes)
    if previous:
        emit(call.sandbox, "charge.updated", charge, previous)
    return charge


def list_charges(call: Call) -> Record:
    """Charges, newest first."""
    where = call.only("customer", "payment_intent", "transfer_group")
    return page(call, "charge", "/v1/charges", where)


def _new(sandbox: Sandbox, intent: Record, method: Record, *, authenticated: bool) -> Record:
    return sandbox.add(
        "charge",
        "ch",
        intent["_account"],
        **_blank(),
        **{name: intent[name] for name in _COPIED},
        billing_details=method["billing_details"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"card": _card_details(method, authenticated), "type": "card"},
    )


def _card(sandbox: Sandbox, charge: Record) -> Card:
    method = sandbox.store.get(charge["payment_method"])
    assert method is not None, "a charge is made with a payment method, and none is ever removed"
    return card_of(method)


def _blank() -> Record:
    return {
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "calculated_statement_descriptor": "SANDBOX",
        "captured": False,
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "radar_options": {},
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "source_transfer": None,
        "status": "pending",
        "transfer_data": None,
    }


def _card_details(method: Record, authenticated: bool) -> Record:
    card = method["card"]
    kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    secure = {
        "result": "authenticated",
        "result_reason": None,
        "version": "2.2.0",
        "authentication_flow": "challenge",
    }
    return {
        **{name: card[name] for name in kept},
        "installments": None,
        "mandate": None,
        "network": card["brand"],
        "network_token": {"used": False},
        "three_d_secure": secure if authenticated else None,
    }


def _accepted() -> Record:
    return {
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def _declined(decline: Decline, card: Card) -> Record:
    if card.blocked:
        return {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "risk_level": "highest",
            "risk_score": 95,
            "seller_message": "Blocked: the risk of fraud is too high.",
            "type": "blocked",
        }
    return {
        "network_status": "declined_by_network",
        "reason": decline.decline_code,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank gave no further details.",
        "type": "issuer_declined",
    }
