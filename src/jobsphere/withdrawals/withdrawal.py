"""A withdrawal: what may be true of it, the keys of its calls to Stripe, and what a step of its life leads to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.ledger.posting import Entry
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice
from jobsphere.withdrawals.reasons import Reason


class WithdrawalState(StrEnum):
    """What is true of a withdrawal."""

    REQUESTED = "requested"  # asked for, and not decided; the money is still in the wallet
    HELD_FOR_REVIEW = "held_for_review"  # the money left the wallet; nothing is sent before a person approves
    RESERVED = "reserved"  # the money left the wallet; nothing is in flight at Stripe
    TRANSFERRING = "transferring"  # a transfer may have been made; its outcome may be unknown
    TRANSFERRED = "transferred"  # the money is on the connected account; no payout is in flight
    PAYING_OUT = "paying_out"  # a payout may have been created; its outcome may be unknown
    IN_TRANSIT = "in_transit"  # the payout is on its way to the bank
    PAID = "paid"  # Stripe says that the bank has it; the bank may still send it back
    FAILED = "failed"  # there will be no payout; the transfer must be reversed
    REVERSING = "reversing"  # a reversal may have been made; its outcome may be unknown
    UNRESOLVED = "unresolved"  # an answer is lost for good, or the account is: looked at again, by people too
    RETURNED = "returned"  # the money is back in the wallet: it was not sent, or came back; the end
    CANCELED = "canceled"  # the contractor took it back before anything was sent; the end


# Where the worker has something to send.
UNSENT = frozenset(
    {
        WithdrawalState.RESERVED,
        WithdrawalState.TRANSFERRING,
        WithdrawalState.TRANSFERRED,
        WithdrawalState.PAYING_OUT,
        WithdrawalState.FAILED,
        WithdrawalState.REVERSING,
        WithdrawalState.UNRESOLVED,
    }
)
# Where a call to Stripe may be under way.
IN_FLIGHT = frozenset({WithdrawalState.TRANSFERRING, WithdrawalState.PAYING_OUT, WithdrawalState.REVERSING})
_CANCELABLE = frozenset({WithdrawalState.HELD_FOR_REVIEW, WithdrawalState.RESERVED})


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
    # When the money is at the bank, if nothing comes between; when what it waits for is expected.
    estimated_arrival: datetime | None = None
    waits_until: datetime | None = None
    # When the bank's refusal of its payout became known.
    payout_failed_at: datetime | None = None
    # While it is unresolved: in which state the answer was lost.
    unresolved_in: WithdrawalState | None = None
    tries: int = 0

    @property
    def doing(self) -> WithdrawalState:
        """The state, and for an unresolved one that in which the answer was lost: what may be found out of it."""
        return self.unresolved_in or self.state

    @property
    def is_cancelable(self) -> bool:
        """Whether the contractor may take it back: nothing was sent to Stripe that could still happen."""
        return self.state in _CANCELABLE

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
