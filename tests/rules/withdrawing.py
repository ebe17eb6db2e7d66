"""A withdrawal for the tests of its rules: every deed and report by name, and what the ledger says afterwards."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from jobsphere.ledger.accounts import (
    Account,
    Side,
    stripe_balance,
    stripe_connected,
    stripe_paying_out,
    wallet_available,
    withdrawal_in_transit,
)
from jobsphere.ledger.posting import Entry
from jobsphere.money import Money
from jobsphere.stripe_gateway.objects import Payout
from jobsphere.withdrawals import lifecycle, reasons
from jobsphere.withdrawals.withdrawal import Step, Withdrawal, WithdrawalState

AMOUNT = Money(8_000, "usd")
ARRIVES_AT = datetime(2026, 1, 3, tzinfo=UTC)
LATER = datetime(2026, 1, 5, tzinfo=UTC)
WITHDRAWAL = Withdrawal(
    id=UUID(int=1),
    user_id=UUID(int=2),
    wallet_id=UUID(int=3),
    account_id="acct_1",
    amount=AMOUNT,
    state=WithdrawalState.REQUESTED,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    tries=3,
)
WALLET = wallet_available(WITHDRAWAL.wallet_id, "usd")
IN_TRANSIT = withdrawal_in_transit(WITHDRAWAL.id, "usd")
CONNECTED = stripe_connected(WITHDRAWAL.wallet_id, "usd")
PAYING_OUT = stripe_paying_out("usd")
STRIPE = stripe_balance("usd")


def payout(id_: str = "po_1") -> Payout:
    """A payout as Stripe tells of it; its failure code says nothing unless it failed."""
    return Payout(id_, "pending", AMOUNT, ARRIVES_AT, "account_closed", {})


Rule = Callable[[Withdrawal], Step]
RULES: dict[str, Rule] = {
    "reserve": lifecycle.reserve,
    "hold_for_review": lambda withdrawal: lifecycle.hold_for_review(withdrawal, reasons.IN_REVIEW, LATER),
    "approve": lifecycle.approve,
    "reject": lambda withdrawal: lifecycle.reject(withdrawal, reasons.REVIEW_REJECTED),
    "cancel": lambda withdrawal: lifecycle.cancel(withdrawal, reasons.CANCELED_BY_CONTRACTOR),
    "wait": lambda withdrawal: lifecycle.wait(withdrawal, reasons.PLATFORM_FUNDS_PENDING, LATER),
    "answer_lost": lifecycle.answer_lost,
    "account_lost": lifecycle.account_lost,
    "begin_transfer": lifecycle.begin_transfer,
    "transfer_made": lambda withdrawal: lifecycle.transfer_made(withdrawal, "tr_1"),
    "transfer_must_wait": lambda withdrawal: lifecycle.transfer_must_wait(
        withdrawal, reasons.PLATFORM_FUNDS_PENDING
    ),
    "transfer_refused": lambda withdrawal: lifecycle.transfer_refused(withdrawal, reasons.TRANSFER_REFUSED),
    "begin_payout": lifecycle.begin_payout,
    "payout_created": lambda withdrawal: lifecycle.payout_created(withdrawal, payout()),
    "payout_must_wait": lambda withdrawal: lifecycle.payout_must_wait(withdrawal, reasons.ACCOUNT_FUNDS_PENDING),
    "payout_refused": lambda withdrawal: lifecycle.payout_refused(withdrawal, reasons.PAYOUT_REFUSED),
    "payout_paid": lambda withdrawal: lifecycle.payout_paid(withdrawal, payout()),
    "payout_failed": lambda withdrawal: lifecycle.payout_failed(withdrawal, payout(), LATER),
    "begin_reversal": lifecycle.begin_reversal,
    "reversal_must_wait": lifecycle.reversal_must_wait,
    "reversal_impossible": lifecycle.reversal_impossible,
    "transfer_reversed": lambda withdrawal: lifecycle.transfer_reversed(withdrawal, "trr_1"),
}
# Reports of another payout than the one it has: they must never count for this one.
FOREIGN: dict[str, Rule] = {
    "other_payout_paid": lambda withdrawal: lifecycle.payout_paid(withdrawal, payout("po_2")),
    "other_payout_failed": lambda withdrawal: lifecycle.payout_failed(withdrawal, payout("po_2"), LATER),
}


# Every state; an unresolved one once for each state in which an answer may be lost.
ALL_STATES = tuple(
    full
    for state in WithdrawalState
    for full in (
        [f"unresolved in {lost}" for lost in ("transferring", "paying_out", "reversing")]
        if state is WithdrawalState.UNRESOLVED
        else [state.value]
    )
)


def in_state(state: str) -> Withdrawal:
    """As it is when it got there by the shortest way."""
    name, _, lost_in = state.partition(" in ")
    state = lost_in or name
    transferred = state not in ("requested", "held_for_review", "reserved", "transferring", "canceled")
    paid_out = state in ("in_transit", "paid", "failed", "reversing", "returned")
    return replace(
        WITHDRAWAL,
        state=WithdrawalState(name),
        unresolved_in=WithdrawalState(lost_in) if lost_in else None,
        transfer_id="tr_1" if transferred else None,
        payout_id="po_1" if paid_out else None,
        reversal_id="trr_1" if state == "returned" else None,
    )


class Overdrawn(Exception):
    """An entry took a guarded account below zero."""


@dataclass(slots=True)
class Books:
    """A ledger in ten lines: entries by reference, balances by account."""

    balances: dict[Account, int] = field(default_factory=lambda: {WALLET: AMOUNT.amount_minor})
    entries: dict[str, Entry] = field(default_factory=dict)

    def record(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            assert entry.reference not in self.entries, f"{entry.reference} again"
            self.entries[entry.reference] = entry
            for posting in entry.postings:
                for account, sign in ((posting.debit, 1), (posting.credit, -1)):
                    delta = posting.amount.amount_minor * (sign if account.normal_side is Side.DEBIT else -sign)
                    self.balances[account] = self.balances.get(account, 0) + delta
            if any(minor < 0 for account, minor in self.balances.items() if not account.may_go_below_zero):
                raise Overdrawn(entry.reference)

    def of(self, account: Account) -> int:
        return self.balances.get(account, 0)
