"""The chart of accounts: every account there can be, and what may be true of it."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Side(StrEnum):
    """The side on which an account grows."""

    DEBIT = "debit"  # assets, costs and debts: balance = debits - credits
    CREDIT = "credit"  # what we owe somebody, and income: balance = credits - debits

    # An account is looked up thirty times for each entry, and the hash of an enumeration is Python's.
    __hash__ = str.__hash__


class Account(NamedTuple):
    """One account in one currency; two with the same name and currency are the same account."""

    name: str
    currency: str
    normal_side: Side
    may_go_below_zero: bool


def _guarded(name: str, currency: str, side: Side = Side.CREDIT) -> Account:
    return Account(name, currency, side, may_go_below_zero=False)


def _shared(name: str, currency: str, side: Side) -> Account:
    # Touched by nearly every entry: its balance is in parts and never locked, so it may pass zero.
    return Account(name, currency, side, may_go_below_zero=True)


def wallet_available(wallet_id: UUID, currency: str) -> Account:
    """Money its owner may spend, refund or withdraw."""
    return _guarded(f"wallet:{wallet_id}:available", currency)


def wallet_debt(wallet_id: UUID, currency: str) -> Account:
    """What the owner owes the platform, because money already spent went back to a card."""
    return _guarded(f"wallet:{wallet_id}:debt", currency, Side.DEBIT)


def offer_escrow(offer_id: UUID, currency: str) -> Account:
    """Money promised to a contractor: amount and platform fee until acceptance, the amount after it."""
    return _guarded(f"offer:{offer_id}:escrow", currency)


def withdrawal_in_transit(withdrawal_id: UUID, currency: str) -> Account:
    """Money on its way from a wallet to a bank."""
    return _guarded(f"withdrawal:{withdrawal_id}:in_transit", currency)


def refund_in_transit(refund_id: UUID, currency: str) -> Account:
    """Money on its way from a wallet back to a card."""
    return _guarded(f"refund:{refund_id}:in_transit", currency)


def dispute_frozen(dispute_id: UUID, currency: str) -> Account:
    """Money set aside while a card's bank decides whether it goes back."""
    return _guarded(f"dispute:{dispute_id}:frozen", currency)


def dispute_contested(dispute_id: UUID, currency: str) -> Account:
    """Money that Stripe took for a dispute and may give back."""
    return _guarded(f"dispute:{dispute_id}:contested", currency, Side.DEBIT)


def stripe_balance(currency: str) -> Account:
    """The platform's money at Stripe, pending and available."""
    return _shared("stripe:balance", currency, Side.DEBIT)


def stripe_connected(wallet_id: UUID, currency: str) -> Account:
    """Money transferred to a contractor's connected account and not yet paid out."""
    return _shared(f"stripe:connected:{wallet_id}", currency, Side.DEBIT)


def stripe_paying_out(currency: str) -> Account:
    """Money in payouts that Stripe has created and the banks have not confirmed."""
    return _shared("stripe:paying_out", currency, Side.DEBIT)


def processing_costs(currency: str) -> Account:
    """What Stripe keeps of card payments: a cost of the platform."""
    return _shared("platform:processing_costs", currency, Side.DEBIT)


def platform_fees(currency: str) -> Account:
    """The 5 % that customers pay on top, earned at acceptance."""
    return _shared("platform:platform_fees", currency, Side.CREDIT)


def service_fees(currency: str) -> Account:
    """The 20 % out of the amount, earned at completion."""
    return _shared("platform:service_fees", currency, Side.CREDIT)


def dispute_costs(currency: str) -> Account:
    """Stripe's fees for disputes; some come back when a dispute is won."""
    return _shared("platform:dispute_costs", currency, Side.DEBIT)


def platform_losses(currency: str) -> Account:
    """What the platform bears of lost disputes."""
    return _shared("platform:losses", currency, Side.DEBIT)
