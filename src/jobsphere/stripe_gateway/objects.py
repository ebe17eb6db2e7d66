"""Stripe's objects as ours: only what we use, typed, read the same way from answers and from events.

Stripe leaves fields out and adds new ones between API versions, so absent fields read as None; only
what an object cannot be without (its id, its amount) must be there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobsphere.money import Money
from jobsphere.stripe_gateway import fields

Json = fields.Json
UnreadableObject = fields.UnreadableObject
id_of = fields.id_of
_mapping = fields.mapping
_metadata = fields.metadata
_moment = fields.moment
_money = fields.money
_optional = fields.optional
_text = fields.text
_texts = fields.texts


@dataclass(frozen=True, slots=True)
class Card:
    """Which card it was, as far as may be known: the fingerprint is the same for the same card everywhere."""

    fingerprint: str | None
    brand: str | None
    last4: str | None


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A way to pay; saved when it belongs to a customer."""

    id: str
    customer_id: str | None
    card: Card | None
    expires: tuple[int, int] | None  # month and year
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt at a payment failed. Each attempt the bank refused has a charge of its own."""

    code: str | None  # the decline code where there is one, it says more than the code
    charge_id: str | None = None
    payment_method_id: str | None = None
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """A card payment in the making. stripe.md section 1 has its statuses."""

    id: str
    status: str
    amount: Money
    amount_received: Money
    charge_id: str | None
    failure: Failure | None
    metadata: Mapping[str, str]
    client_secret: str | None = field(repr=False, default=None)
    payment_method_id: str | None = None


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """A line of Stripe's books: the truth about money (stripe.md section 10). Below zero it left the balance."""

    id: str
    amount: Money
    fee: Money
    type: str
    reporting_category: str | None
    pending_until: datetime | None = None  # None: it counts already

    @property
    def net(self) -> Money:
        """What it changes the balance by."""
        return self.amount - self.fee


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt of a payment that reached the bank."""

    id: str
    status: str
    amount: Money
    payment_intent_id: str | None
    card: Card | None
    balance_transaction: BalanceTransaction | None  # None: not in Stripe's books yet, or not asked for


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to a card."""

    id: str
    status: str
    amount: Money
    charge_id: str | None
    payment_intent_id: str | None
    # Whether Stripe took it out of our balance; while a refund waits for money there, it did not.
    is_taken: bool = True
    failure_reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where payouts go: an external account of a connected account (a debit card has a last4, too)."""

    id: str
    fingerprint: str | None  # the same for the same account number, wherever it is entered
    last4: str | None
    bank_name: str | None
    currency: str | None
    status: str | None
    is_default: bool  # payouts in its currency go to it


@dataclass(frozen=True, slots=True)
class Account:
    """A contractor's connected account. stripe.md section 4 says what the flags mean."""

    id: str
    transfers: str | None
    payouts_enabled: bool
    details_submitted: bool
    has_bank_account: bool
    disabled_reason: str | None
    currently_due: tuple[str, ...]
    metadata: Mapping[str, str]
    country: str | None = None
    default_currency: str | None = None  # what Stripe keeps its money in
    banks: tuple[BankAccount, ...] = ()
    payout_interval: str | None = None  # "manual", or how often Stripe pays out by itself

    @property
    def can_be_paid(self) -> bool:
        """Whether money can be transferred to it and paid out to its bank (stripe.md section 4)."""
        return (
            self.transfers == "active"
            and self.payouts_enabled
            and self.has_bank_account
            and self.disabled_reason is None
        )


@dataclass(frozen=True, slots=True)
class AccountLink:
    """A page at Stripe where the contractor tells who they are; it works once, until it expires."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money moved from the platform's balance to a connected account's."""

    id: str
    amount: Money
    amount_reversed: Money
    destination: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reversal:
    """Money of a transfer moved back."""

    id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Payout:
    """Money on its way from a connected account's balance to a bank. stripe.md section 3."""

    id: str
    status: str
    amount: Money
    arrives_at: datetime | None
    failure_code: str | None
    metadata: Mapping[str, str]


def payment_intent(data: Json) -> PaymentIntent:
    return PaymentIntent(
        id=_text(data, "id"),
        status=_text(data, "status"),
        amount=_money(data, "amount"),
        amount_received=_money(data, "amount_received", absent=0),
        charge_id=id_of(data.get("latest_charge")),
        failure=failure(_mapping(data.get("last_payment_error"))),
        metadata=_metadata(data),
        client_secret=_optional(data, "client_secret"),
        payment_method_id=id_of(data.get("payment_method")),
    )


def failure(error: Json) -> Failure | None:
    """What a declined attempt says, in a PaymentIntent or in the answer to its confirmation."""
    if not error:
        return None
    method = _mapping(error.get("payment_method"))
    return Failure(
        code=_optional(error, "decline_code") or _optional(error, "code"),
        charge_id=id_of(error.get("charge")),
        payment_method_id=_optional(method, "id"),
        card=card(method.get("card")),
    )


def card(data: object) -> Card | None:
    found = _mapping(data)
    if not found:
        return None
    return Card(_optional(found, "fingerprint"), _optional(found, "brand"), _optional(found, "last4"))


def payment_method(data: Json) -> PaymentMethod:
    details = _mapping(data.get("card"))
    month, year = details.get("exp_month"), details.get("exp_year")
    return PaymentMethod(
        id=_text(data, "id"),
        customer_id=id_of(data.get("customer")),
        card=card(details),
        expires=(month, year) if type(month) is int and type(year) is int else None,
        created_at=_moment(data.get("created")),
    )


def balance_transaction(data: Json) -> BalanceTransaction:
    return BalanceTransaction(
        id=_text(data, "id"),
        amount=_money(data, "amount"),
        fee=_money(data, "fee", absent=0),
        type=_text(data, "type"),
        reporting_category=_optional(data, "reporting_category"),
        pending_until=_moment(data.get("available_on")) if data.get("status") == "pending" else None,
    )


def charge(data: Json) -> Charge:
    line = _mapping(data.get("balance_transaction"))
    details = _mapping(data.get("payment_method_details"))
    return Charge(
        id=_text(data, "id"),
        status=_optional(data, "status") or "pending",
        amount=_money(data, "amount"),
        payment_intent_id=id_of(data.get("payment_intent")),
        card=card(details.get("card")),
        balance_transaction=balance_transaction(line) if line else None,
    )


def refund(data: Json) -> Refund:
    status = _optional(data, "status") or "pending"
    return Refund(
        id=_text(data, "id"),
        status=status,
        amount=_money(data, "amount"),
        charge_id=id_of(data.get("charge")),
        payment_intent_id=id_of(data.get("payment_intent")),
        is_taken=status == "succeeded" or id_of(data.get("balance_transaction")) is not None,
        failure_reason=_optional(data, "failure_reason"),
        metadata=_metadata(data),
    )


def account(data: Json) -> Account:
    requirements = _mapping(data.get("requirements"))
    return Account(
        id=_text(data, "id"),
        transfers=_optional(_mapping(data.get("capabilities")), "transfers"),
        payouts_enabled=data.get("payouts_enabled") is True,
        details_submitted=data.get("details_submitted") is True,
        has_bank_account=bool(_mapping(data.get("external_accounts")).get("data")),
        disabled_reason=_optional(requirements, "disabled_reason"),
        currently_due=_texts(requirements.get("currently_due")),
        metadata=_metadata(data),
        country=_optional(data, "country"),
        default_currency=_optional(data, "default_currency"),
        banks=_banks(data),
        payout_interval=_optional(_schedule(data), "interval"),
    )


def bank_account(data: Json) -> BankAccount:
    return BankAccount(
        id=_text(data, "id"),
        fingerprint=_optional(data, "fingerprint"),
        last4=_optional(data, "last4"),
        bank_name=_optional(data, "bank_name") or _optional(data, "brand"),
        currency=_optional(data, "currency"),
        status=_optional(data, "status"),
        is_default=data.get("default_for_currency") is True,
    )


def _banks(data: Json) -> tuple[BankAccount, ...]:
    listed = _mapping(data.get("external_accounts")).get("data")
    return tuple(bank_account(_mapping(one)) for one in listed) if isinstance(listed, list) else ()


def _schedule(data: Json) -> Mapping[str, Any]:
    return _mapping(_mapping(_mapping(data.get("settings")).get("payouts")).get("schedule"))


def account_link(data: Json) -> AccountLink:
    expires_at = _moment(data.get("expires_at"))
    if expires_at is None:
        raise UnreadableObject("an account_link without expires_at")
    return AccountLink(url=_text(data, "url"), expires_at=expires_at)


def transfer(data: Json) -> Transfer:
    return Transfer(
        id=_text(data, "id"),
        amount=_money(data, "amount"),
        amount_reversed=_money(data, "amount_reversed", absent=0),
        destination=id_of(data.get("destination")),
        metadata=_metadata(data),
    )


def reversal(data: Json) -> Reversal:
    return Reversal(id=_text(data, "id"), amount=_money(data, "amount"))


def payout(data: Json) -> Payout:
    return Payout(
        id=_text(data, "id"),
        status=_text(data, "status"),
        amount=_money(data, "amount"),
        arrives_at=_moment(data.get("arrival_date")),
        failure_code=_optional(data, "failure_code"),
        metadata=_metadata(data),
    )


def identity(data: Json) -> str:
    """The id of any of Stripe's objects.

    Raises:
        UnreadableObject: it has none that could be one of Stripe's.
    """
    return _text(data, "id")
