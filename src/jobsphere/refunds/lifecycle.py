"""What can happen to a refund. Rules only: they compute the next refund, nothing is stored here.

What Stripe does: stripe.md section 5; postings: design.md. Reports come in any order and more than once, and
``succeeded`` is provisional: the card's bank may send the money back, and then it returns to the wallet.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.ledger.accounts import Account, refund_in_transit, stripe_balance, wallet_available, wallet_debt
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.refunds.reasons import CANCELED_AT_STRIPE, Reason, failure
from jobsphere.stripe_gateway.objects import Refund as Report


class RefundState(StrEnum):
    """What is true of a refund."""

    REQUESTED = "requested"  # the money left the wallet; nothing was sent to Stripe
    SENDING = "sending"  # a refund may have been made; its outcome may be unknown
    PENDING = "pending"  # Stripe has it; the card's bank has not
    SUCCEEDED = "succeeded"  # the card's bank has it; it may still send it back
    FAILED = "failed"  # the card's bank did not take it, or sent it back; it is in the wallet
    CANCELED = "canceled"  # it was not made, or was taken back at Stripe; it is in the wallet


# Where the worker has something to send.
UNSENT = frozenset({RefundState.REQUESTED, RefundState.SENDING})
# The money is in the wallet again.
RETURNED = frozenset({RefundState.FAILED, RefundState.CANCELED})
_MADE = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELED,
}
# Reports may be old: a refund never goes back in this order.
_ORDER = tuple(RefundState)


@dataclass(frozen=True, slots=True)
class Refund:
    """``amount`` of a deposit, on its way from a wallet back to the card it came from.

    ``is_taken``: it has left the platform's balance at Stripe. ``requested_by`` is None for one made at Stripe.
    """

    id: UUID
    deposit_id: UUID
    user_id: UUID
    wallet_id: UUID
    payment_intent_id: str
    amount: Money
    state: RefundState
    created_at: datetime
    is_taken: bool = False
    attempt: int = 1
    stripe_refund_id: str | None = None
    reason: str | None = None
    requested_by: UUID | None = None
    tries: int = 0

    @property
    def key(self) -> str:
        """The idempotency key of the attempt it is at."""
        return f"refund:{self.id}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class Step:
    """What a deed or report leads to. The same refund as before: nothing to store."""

    refund: Refund
    entries: tuple[Entry, ...] = ()
    # The idempotency key of the call to Stripe that may be made once this is stored.
    begins: str | None = None
    failure: Reason | None = None
    # What the wallet came to owe by it.
    debt: Money | None = None
    notices: tuple[Notice, ...] = ()


def request(refund: Refund) -> Step:
    """Somebody asks: the money leaves the wallet before anything is sent."""
    return Step(refund, (_entry(refund, "reserve", (_available(refund), _in_transit(refund), refund.amount)),))


def begin_sending(refund: Refund) -> Step:
    """From now on a refund may exist at Stripe."""
    if refund.state is not RefundState.REQUESTED:
        return Step(refund)
    return Step(replace(refund, state=RefundState.SENDING, tries=0), begins=refund.key)


def try_again(refund: Refund) -> Step:
    """Stripe proves that this attempt made nothing: another one may begin."""
    if refund.state is not RefundState.SENDING:
        return Step(refund)
    return Step(replace(refund, state=RefundState.REQUESTED, attempt=refund.attempt + 1, tries=0))


def refused(refund: Refund, reason: Reason) -> Step:
    """No refund was made, and none will be: the money goes back to the wallet."""
    if refund.state is not RefundState.SENDING:
        return Step(refund)
    return _returned(refund, RefundState.CANCELED, "release", reason)


def reported(refund: Refund, report: Report) -> Step:
    """Stripe tells how it is. A report older than what we know changes nothing."""
    state = _MADE.get(report.status, RefundState.PENDING)
    if refund.state in RETURNED or _ORDER.index(state) < _ORDER.index(refund.state):
        return Step(refund)
    made = replace(refund, stripe_refund_id=report.id, tries=0)
    if state in RETURNED:
        return _returned(made, state, f"failed:{report.id}", _why(state, report))
    taken = () if made.is_taken or not report.is_taken else (_taken(made, report),)
    after = replace(made, state=state, is_taken=made.is_taken or report.is_taken)
    return Step(after, taken, notices=(_on_its_way(after),) if refund.state in UNSENT else ())


def takes_money(report: Report) -> bool:
    """Whether money goes back to the card, or has gone; one that failed moves nothing."""
    return _MADE.get(report.status, RefundState.PENDING) not in RETURNED


def found(refund: Refund, report: Report, available: Money) -> Step:
    """Stripe has one that we did not ask for: the wallet gives what it holds, its owner owes the rest.

    ``refund`` is new, pending and not taken; one that has failed already moves nothing.
    """
    state = _MADE.get(report.status, RefundState.PENDING)
    made = replace(refund, state=state, stripe_refund_id=report.id)
    if state in RETURNED:
        reason = _why(state, report)
        return Step(replace(made, reason=reason.code), failure=reason)
    made = replace(made, is_taken=report.is_taken)
    from_wallet = min(refund.amount, available)
    owed = refund.amount - from_wallet
    currency = refund.amount.currency
    goes_to = stripe_balance(currency) if report.is_taken else _in_transit(refund)
    sources = ((_available(refund), from_wallet), (wallet_debt(refund.wallet_id, currency), owed))
    fact = f"made:{report.id}" if report.is_taken else "reserve"
    entry = _entry(refund, fact, *((source, goes_to, part) for source, part in sources if part))
    return Step(made, (entry,), debt=owed or None, notices=(_on_its_way(made, owed),))


def _returned(refund: Refund, state: RefundState, fact: str, reason: Reason) -> Step:
    """The money is in the wallet again; where Stripe had taken it, Stripe has given it back."""
    source = stripe_balance(refund.amount.currency) if refund.is_taken else _in_transit(refund)
    entry = _entry(refund, fact, (source, _available(refund), refund.amount))
    body = f"{reason.sentence} {refund.amount} is back in your wallet."
    notice = _notice(refund, "returned", NoticeType.REFUND_FAILED, "Refund failed", body)
    after = replace(refund, state=state, reason=reason.code, tries=0)
    return Step(after, (entry,), failure=reason, notices=(notice,))


def _why(state: RefundState, report: Report) -> Reason:
    return CANCELED_AT_STRIPE if state is RefundState.CANCELED else failure(report.failure_reason)


def _taken(refund: Refund, report: Report) -> Entry:
    to_stripe = stripe_balance(refund.amount.currency)
    return _entry(refund, f"made:{report.id}", (_in_transit(refund), to_stripe, refund.amount))


def _entry(refund: Refund, fact: str, *moves: tuple[Account, Account, Money]) -> Entry:
    postings = tuple(Posting(debit=debit, credit=credit, amount=amount) for debit, credit, amount in moves)
    return Entry(f"refund:{refund.id}:{fact}", postings)


def _available(refund: Refund) -> Account:
    return wallet_available(refund.wallet_id, refund.amount.currency)


def _in_transit(refund: Refund) -> Account:
    return refund_in_transit(refund.id, refund.amount.currency)


def _on_its_way(refund: Refund, owed: Money | None = None) -> Notice:
    body = f"{refund.amount} goes back to your card and is taken from your wallet."
    if owed:
        body += f" {owed} of it was spent already: it is taken from what comes into your wallet next."
    return _notice(refund, "made", NoticeType.PAYMENT_REFUNDED, "Deposit refunded", body)


def _notice(refund: Refund, fact: str, type_: NoticeType, title: str, body: str) -> Notice:
    return Notice(
        reference=f"refund:{refund.id}:{fact}",
        user_id=refund.user_id,
        type=type_,
        title=title,
        body=body,
        data={
            "depositId": str(refund.deposit_id),
            "refundId": str(refund.id),
            "transactionId": str(refund.id),
        },
    )
