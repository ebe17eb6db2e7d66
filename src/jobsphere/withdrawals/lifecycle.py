"""What can happen to a withdrawal. Rules only: they compute the next withdrawal, nothing is stored here.

States: lifecycle.md section 10; what Stripe does: stripe.md section 3; postings: design.md. Events come in any
order and more than once, so a report that is older than what we know changes nothing. ``paid`` is
provisional: a bank may send the money back days later, and then it returns to the wallet.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.ledger.accounts import (
    Account,
    stripe_balance,
    stripe_connected,
    stripe_paying_out,
    wallet_available,
    withdrawal_in_transit,
)
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.stripe_gateway.objects import Payout
from jobsphere.withdrawals.reasons import Reason, payout_failure


class WithdrawalState(StrEnum):
    """What is true of a withdrawal."""

    RESERVED = "reserved"  # the money left the wallet; nothing is in flight at Stripe
    TRANSFERRING = "transferring"  # a transfer may have been made; its outcome may be unknown
    TRANSFERRED = "transferred"  # the money is on the connected account; no payout is in flight
    PAYING_OUT = "paying_out"  # a payout may have been created; its outcome may be unknown
    IN_TRANSIT = "in_transit"  # the payout is on its way to the bank
    PAID = "paid"  # Stripe says that the bank has it; the bank may still send it back
    FAILED = "failed"  # there will be no payout; the transfer must be reversed
    REVERSING = "reversing"  # a reversal may have been made; its outcome may be unknown
    RETURNED = "returned"  # the money is back in the wallet; the end


# Where the worker has something to send.
UNSENT = frozenset(
    {
        WithdrawalState.RESERVED,
        WithdrawalState.TRANSFERRING,
        WithdrawalState.TRANSFERRED,
        WithdrawalState.PAYING_OUT,
        WithdrawalState.FAILED,
        WithdrawalState.REVERSING,
    }
)
_PAYOUT_OPEN = (WithdrawalState.PAYING_OUT, WithdrawalState.IN_TRANSIT)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal of ``amount`` from a wallet to the bank behind a connected account."""

    id: UUID
    user_id: UUID
    wallet_id: UUID
    account_id: str
    amount: Money
    state: WithdrawalState
    created_at: datetime
    transfer_attempt: int = 1
    payout_attempt: int = 1
    reversal_attempt: int = 1
    transfer_id: str | None = None
    payout_id: str | None = None
    reversal_id: str | None = None
    reason: str | None = None
    estimated_arrival: datetime | None = None
    tries: int = 0

    @property
    def transfer_key(self) -> str:
        """The idempotency key of the transfer it is at."""
        return f"withdrawal:{self.id}:transfer:{self.transfer_attempt}"

    @property
    def payout_key(self) -> str:
        """The idempotency key of the payout it is at."""
        return f"withdrawal:{self.id}:payout:{self.payout_attempt}"

    @property
    def reversal_key(self) -> str:
        """The idempotency key of the reversal it is at."""
        return f"withdrawal:{self.id}:reversal:{self.reversal_attempt}"

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the attempts it is at; an answer to any other is out of date."""
        return frozenset((self.transfer_key, self.payout_key, self.reversal_key))


@dataclass(frozen=True, slots=True)
class Step:
    """What a deed or report leads to. The same withdrawal as before: nothing to store."""

    withdrawal: Withdrawal
    entries: tuple[Entry, ...] = ()
    # The idempotency key of the call to Stripe that may be made once this is stored.
    begins: str | None = None
    failure: Reason | None = None
    notices: tuple[Notice, ...] = ()


def reserve(withdrawal: Withdrawal) -> Step:
    """The contractor asks: the money leaves the wallet before anything is sent."""
    return Step(withdrawal, (_entry(withdrawal, "reserve", (_available(withdrawal), _in_transit(withdrawal))),))


def begin_transfer(withdrawal: Withdrawal) -> Step:
    """From now on a transfer may exist."""
    if withdrawal.state is not WithdrawalState.RESERVED:
        return Step(withdrawal)
    return Step(_now(withdrawal, WithdrawalState.TRANSFERRING), begins=withdrawal.transfer_key)


def transfer_made(withdrawal: Withdrawal, transfer_id: str) -> Step:
    """Stripe moved the money to the connected account; its answer or an event says so."""
    if withdrawal.state not in (WithdrawalState.RESERVED, WithdrawalState.TRANSFERRING):
        return Step(withdrawal)
    moved = replace(_now(withdrawal, WithdrawalState.TRANSFERRED), transfer_id=transfer_id)
    return Step(
        moved, (_entry(withdrawal, f"transfer:{transfer_id}", (_connected(withdrawal), _balance(withdrawal))),)
    )


def transfer_must_wait(withdrawal: Withdrawal, reason: Reason) -> Step:
    """The platform's balance does not cover it yet: this attempt is over, the next comes later."""
    if withdrawal.state is not WithdrawalState.TRANSFERRING:
        return Step(withdrawal)
    again = _now(withdrawal, WithdrawalState.RESERVED, reason)
    return Step(replace(again, transfer_attempt=withdrawal.transfer_attempt + 1))


def transfer_refused(withdrawal: Withdrawal, reason: Reason) -> Step:
    """No transfer was made, and none will be: the money goes back to the wallet."""
    if withdrawal.state is not WithdrawalState.TRANSFERRING:
        return Step(withdrawal)
    return _returned(withdrawal, "release", (_in_transit(withdrawal), _available(withdrawal)), reason=reason)


def begin_payout(withdrawal: Withdrawal) -> Step:
    """From now on a payout may exist."""
    if withdrawal.state is not WithdrawalState.TRANSFERRED:
        return Step(withdrawal)
    return Step(_now(withdrawal, WithdrawalState.PAYING_OUT), begins=withdrawal.payout_key)


def payout_created(withdrawal: Withdrawal, payout: Payout) -> Step:
    """The money is on its way to the bank."""
    if withdrawal.state is not WithdrawalState.PAYING_OUT:
        return Step(withdrawal)
    sent = replace(
        _now(withdrawal, WithdrawalState.IN_TRANSIT), payout_id=payout.id, estimated_arrival=payout.arrives_at
    )
    entry = _entry(withdrawal, f"payout:{payout.id}", (_paying_out(withdrawal), _connected(withdrawal)))
    return Step(sent, (entry,))


def payout_must_wait(withdrawal: Withdrawal, reason: Reason) -> Step:
    """The connected account's balance does not cover it yet: this attempt is over, the next comes later."""
    if withdrawal.state is not WithdrawalState.PAYING_OUT:
        return Step(withdrawal)
    again = _now(withdrawal, WithdrawalState.TRANSFERRED, reason)
    return Step(replace(again, payout_attempt=withdrawal.payout_attempt + 1))


def payout_refused(withdrawal: Withdrawal, reason: Reason) -> Step:
    """No payout was created, and none will be: the transfer is to be reversed."""
    if withdrawal.state is not WithdrawalState.PAYING_OUT:
        return Step(withdrawal)
    return _failed(withdrawal, (), reason)


def payout_paid(withdrawal: Withdrawal, payout: Payout) -> Step:
    """The bank has the money. The event may overtake the answer that created the payout."""
    if withdrawal.state not in _PAYOUT_OPEN or withdrawal.payout_id not in (None, payout.id):
        return Step(withdrawal)
    created = payout_created(withdrawal, payout)
    entry = _entry(withdrawal, f"paid:{payout.id}", (_in_transit(withdrawal), _paying_out(withdrawal)))
    return Step(
        _now(created.withdrawal, WithdrawalState.PAID),
        (*created.entries, entry),
        notices=(
            _notice(
                withdrawal,
                "paid",
                NoticeType.WITHDRAWAL_COMPLETED,
                "Withdrawal completed",
                f"{withdrawal.amount} has arrived at your bank.",
            ),
        ),
    )


def payout_failed(withdrawal: Withdrawal, payout: Payout) -> Step:
    """The bank did not take the money, or sent it back after ``paid`` (stripe.md section 3): both are legal."""
    if withdrawal.payout_id not in (None, payout.id):
        return Step(withdrawal)
    reason = payout_failure(payout.failure_code)
    if withdrawal.state is WithdrawalState.PAID:
        entry = _entry(withdrawal, f"failed:{payout.id}", (_connected(withdrawal), _in_transit(withdrawal)))
        return _failed(withdrawal, (entry,), reason)
    if withdrawal.state not in _PAYOUT_OPEN:
        return Step(withdrawal)
    created = payout_created(withdrawal, payout)
    entry = _entry(withdrawal, f"failed:{payout.id}", (_connected(withdrawal), _paying_out(withdrawal)))
    return _failed(created.withdrawal, (*created.entries, entry), reason)


def begin_reversal(withdrawal: Withdrawal) -> Step:
    """From now on the transfer may be reversed."""
    if withdrawal.state is not WithdrawalState.FAILED:
        return Step(withdrawal)
    return Step(replace(withdrawal, state=WithdrawalState.REVERSING, tries=0), begins=withdrawal.reversal_key)


def reversal_must_wait(withdrawal: Withdrawal) -> Step:
    """Stripe refused to reverse now (the money is not back on the account yet): another attempt comes later."""
    if withdrawal.state is not WithdrawalState.REVERSING:
        return Step(withdrawal)
    return Step(
        replace(
            withdrawal, state=WithdrawalState.FAILED, reversal_attempt=withdrawal.reversal_attempt + 1, tries=0
        )
    )


def transfer_reversed(withdrawal: Withdrawal, reversal_id: str) -> Step:
    """The money is back on the platform's balance, and so in the wallet."""
    if withdrawal.state not in (WithdrawalState.FAILED, WithdrawalState.REVERSING):
        return Step(withdrawal)
    return _returned(
        replace(withdrawal, reversal_id=reversal_id),
        "reverse",
        (_balance(withdrawal), _connected(withdrawal)),
        (_in_transit(withdrawal), _available(withdrawal)),
        reason=None,
    )


def _now(withdrawal: Withdrawal, state: WithdrawalState, reason: Reason | None = None) -> Withdrawal:
    return replace(withdrawal, state=state, reason=reason.code if reason else None, tries=0)


def _failed(withdrawal: Withdrawal, entries: tuple[Entry, ...], reason: Reason) -> Step:
    notice = _notice(
        withdrawal,
        "failed",
        NoticeType.WITHDRAWAL_FAILED,
        "Withdrawal failed",
        f"{reason.sentence} {withdrawal.amount} goes back to your wallet.",
    )
    return Step(_now(withdrawal, WithdrawalState.FAILED, reason), entries, failure=reason, notices=(notice,))


def _returned(withdrawal: Withdrawal, fact: str, *moves: tuple[Account, Account], reason: Reason | None) -> Step:
    returned = replace(withdrawal, state=WithdrawalState.RETURNED, tries=0)
    if reason is not None:
        returned = replace(returned, reason=reason.code)
    body = f"{withdrawal.amount} is back in your wallet."
    notice = _notice(
        withdrawal,
        "returned",
        NoticeType.WITHDRAWAL_FAILED,
        "Withdrawal returned",
        f"{reason.sentence} {body}" if reason else body,
    )
    return Step(returned, (_entry(withdrawal, fact, *moves),), failure=reason, notices=(notice,))


def _entry(withdrawal: Withdrawal, fact: str, *moves: tuple[Account, Account]) -> Entry:
    """One posting of the whole amount for each pair of debit and credit."""
    postings = tuple(Posting(debit=debit, credit=credit, amount=withdrawal.amount) for debit, credit in moves)
    return Entry(f"withdrawal:{withdrawal.id}:{fact}", postings)


def _available(withdrawal: Withdrawal) -> Account:
    return wallet_available(withdrawal.wallet_id, withdrawal.amount.currency)


def _in_transit(withdrawal: Withdrawal) -> Account:
    return withdrawal_in_transit(withdrawal.id, withdrawal.amount.currency)


def _connected(withdrawal: Withdrawal) -> Account:
    return stripe_connected(withdrawal.wallet_id, withdrawal.amount.currency)


def _paying_out(withdrawal: Withdrawal) -> Account:
    return stripe_paying_out(withdrawal.amount.currency)


def _balance(withdrawal: Withdrawal) -> Account:
    return stripe_balance(withdrawal.amount.currency)


def _notice(withdrawal: Withdrawal, fact: str, type_: NoticeType, title: str, body: str) -> Notice:
    return Notice(
        reference=f"withdrawal:{withdrawal.id}:{fact}",
        user_id=withdrawal.user_id,
        type=type_,
        title=title,
        body=body,
        data={"withdrawalId": str(withdrawal.id), "transactionId": str(withdrawal.id)},
    )
