"""Stripe's disputes and early fraud warnings as ours, with the money that moved for them."""

from dataclasses import dataclass
from datetime import datetime

from jobsphere.money import Money
from jobsphere.stripe_gateway import fields


@dataclass(frozen=True, slots=True)
class Movement:
    """A balance transaction: ``amount`` came to our balance (or left it, below zero), and ``fee`` left it."""

    id: str
    amount: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class Dispute:
    """A payment that its card's bank takes back or asks about. stripe.md section 6 has its statuses."""

    id: str
    status: str
    amount: Money
    reason: str
    charge_id: str | None
    payment_intent_id: str | None
    movements: tuple[Movement, ...]
    evidence_due_at: datetime | None
    submissions: int


@dataclass(frozen=True, slots=True)
class FraudWarning:
    """A card's bank calls a payment fraudulent; ``is_actionable`` until it is refunded or disputed."""

    id: str
    fraud_type: str
    is_actionable: bool
    charge_id: str | None
    payment_intent_id: str | None


def dispute(data: fields.Json) -> Dispute:
    details = fields.mapping(data.get("evidence_details"))
    submissions = details.get("submission_count")
    return Dispute(
        id=fields.text(data, "id"),
        status=fields.text(data, "status"),
        amount=fields.money(data, "amount"),
        reason=fields.optional(data, "reason") or "general",
        charge_id=fields.id_of(data.get("charge")),
        payment_intent_id=fields.id_of(data.get("payment_intent")),
        movements=tuple(movement(fields.mapping(one)) for one in data.get("balance_transactions") or ()),
        evidence_due_at=fields.moment(details.get("due_by")),
        submissions=submissions if type(submissions) is int else 0,
    )


def movement(data: fields.Json) -> Movement:
    return Movement(
        id=fields.text(data, "id"), amount=fields.money(data, "amount"), fee=fields.money(data, "fee", absent=0)
    )


def fraud_warning(data: fields.Json) -> FraudWarning:
    return FraudWarning(
        id=fields.text(data, "id"),
        fraud_type=fields.optional(data, "fraud_type") or "misc",
        is_actionable=data.get("actionable") is True,
        charge_id=fields.id_of(data.get("charge")),
        payment_intent_id=fields.id_of(data.get("payment_intent")),
    )


def three_d_secure(charge: fields.Json) -> str | None:
    """How the card's owner was authenticated for a charge (``authenticated``), if at all."""
    card = fields.mapping(fields.mapping(charge.get("payment_method_details")).get("card"))
    return fields.optional(fields.mapping(card.get("three_d_secure")), "result")
