"""What can happen to a withdrawal. Rules only: they compute the next withdrawal, nothing is stored here.

States: lifecycle.md section 10; what Stripe does: stripe.md section 3; postings: design.md. Events come in any
order and more than once, so a report that is older than what we know changes nothing. ``paid`` is
provisional: a bank may send the money back days later, and then it returns to the wallet.
"""

from dataclasses import replace
from datetime import datetime

from jobsphere.ledger.accounts import (
    Account,
    stripe_balance,
    stripe_connected,
    stripe_paying_out,
    wallet_available,
    withdrawal_in_transit,
)
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.stripe_gateway.objects import Payout
from jobsphere.withdrawals.reasons import (
    ACCOUNT_DISCONNECTED,
    ACCOUNT_LOST_WHILE_SENT,
    ANSWER_LOST,
    PAYOUT_CANCELED,
    Reason,
    payout_failure,
)
from jobsphere.withdrawals.withdrawal import IN_FLIGHT, Step, Withdrawal, WithdrawalState

_PAYOUT_OPEN = (WithdrawalState.PAYING_OUT, WithdrawalState.IN_TRANSIT)


def reserve(withdrawal: Withdrawal) -> Step:
    """The contractor asks: the money leaves the wallet before anything is sent."""
    return _reserved(withdrawal, WithdrawalState.RESERVED, None, None)


def hold_for_review(withdrawal: Withdrawal, reason: Reason, until: datetime) -> Step:
    """The money leaves the wallet, and a person looks before anything is sent, ``until`` then at the latest."""
    return _reserved(withdrawal, WithdrawalState.HELD_FOR_REVIEW, reason, until)


def approve(withdrawal: Withdrawal) -> Step:
    """A person looked at it: it is sent."""
    if withdrawal.state is not WithdrawalState.HELD_FOR_REVIEW:
        return Step(withdrawal)
    return Step(_now(withdrawal, WithdrawalState.RESERVED))


def reject(withdrawal: Withdrawal, reason: Reason) -> Step:
    """A person looked at it: it is not sent, and the money goes back to the wallet."""
    if withdrawal.state is not WithdrawalState.HELD_FOR_REVIEW:
        return Step(withdrawal)
    return _returned(withdrawal, "release", (_in_transit(withdrawal), _available(withdrawal)), reason=reason)


def cancel(withdrawal: Withdrawal, reason: Reason) -> Step:
    """The contractor takes it back, while nothing is in flight at Stripe and nothing is there."""
    if not withdrawal.is_cancelable:
        return Step(withdrawal)
    entry = _entry(withdrawal, "release", (_in_transit(withdrawal), _available(withdrawal)))
    return Step(_now(withdrawal, WithdrawalState.CANCELED, reason), (entry,), failure=reason)


def wait(withdrawal: Withdrawal, reason: Reason, until: datetime | None) -> Step:
    """Money is not available at Stripe yet: keep why, and when that is expected to change."""
    if withdrawal.state not in (WithdrawalState.RESERVED, WithdrawalState.TRANSFERRED):
        return Step(withdrawal)
    return Step(replace(withdrawal, reason=reason.code, waits_until=until, tries=0))


def answer_lost(withdrawal: Withdrawal) -> Step:
    """Nobody knows whether the call was made, and Stripe forgets its key: from now on it is only looked for."""
    if withdrawal.state not in IN_FLIGHT:
        return Step(withdrawal)
    lost = _now(withdrawal, WithdrawalState.UNRESOLVED, ANSWER_LOST)
    # The failure that is being reversed stays the reason, for it is what the contractor has to act on.
    reason = withdrawal.reason if withdrawal.state is WithdrawalState.REVERSING else lost.reason
    return Step(replace(lost, unresolved_in=withdrawal.state, reason=reason))


def account_lost(withdrawal: Withdrawal) -> Step:
    """The payout account is not connected to the platform any more: nothing goes there, and it tells us nothing.

    What is still here goes back to the wallet, and what is there is to be reversed. Where a payout or reversal may
    have happened nobody can be asked: a person must find out.
    """
    match withdrawal.doing:
        case WithdrawalState.RESERVED:
            moved = (_in_transit(withdrawal), _available(withdrawal))
            return _returned(withdrawal, "release", moved, reason=ACCOUNT_DISCONNECTED)
        case WithdrawalState.TRANSFERRED:
            return _failed(withdrawal, (), ACCOUNT_DISCONNECTED)
        case WithdrawalState.PAYING_OUT:
            return _lost_while_paying_out(withdrawal)
        case WithdrawalState.REVERSING if withdrawal.state is not WithdrawalState.UNRESOLVED:
            return answer_lost(withdrawal)
        case _:
            return Step(withdrawal)


def begin_transfer(withdrawal: Withdrawal) -> Step:
    """From now on a transfer may exist."""
    if withdrawal.state is not WithdrawalState.RESERVED:
        return Step(withdrawal)
    return Step(_now(withdrawal, WithdrawalState.TRANSFERRING), begins=withdrawal.transfer_key)


def transfer_made(withdrawal: Withdrawal, transfer_id: str) -> Step:
    """Stripe moved the money to the connected account; its answer or an event says so."""
    if withdrawal.doing not in (WithdrawalState.RESERVED, WithdrawalState.TRANSFERRING):
        return Step(withdrawal)
    moved = replace(_now(withdrawal, WithdrawalState.TRANSFERRED), transfer_id=transfer_id)
    return Step(
        moved, (_entry(withdrawal, f"transfer:{transfer_id}", (_connected(withdrawal), _balance(withdrawal))),)
    )


def transfer_must_wait(withdrawal: Withdrawal, reason: Reason, until: datetime | None = None) -> Step:
    """The platform's balance does not cover it yet: this attempt is over, the next comes later."""
    if withdrawal.doing is not WithdrawalState.TRANSFERRING:
        return Step(withdrawal)
    again = _now(withdrawal, WithdrawalState.RESERVED, reason)
    return Step(replace(again, transfer_attempt=withdrawal.transfer_attempt + 1, waits_until=until))


def transfer_refused(withdrawal: Withdrawal, reason: Reason) -> Step:
    """No transfer was made, and none will be: the money goes back to the wallet."""
    if withdrawal.doing is not WithdrawalState.TRANSFERRING:
        return Step(withdrawal)
    return _returned(withdrawal, "release", (_in_transit(withdrawal), _available(withdrawal)), reason=reason)


def begin_payout(withdrawal: Withdrawal) -> Step:
    """From now on a payout may exist."""
    if withdrawal.state is not WithdrawalState.TRANSFERRED:
        return Step(withdrawal)
    return Step(_now(withdrawal, WithdrawalState.PAYING_OUT), begins=withdrawal.payout_key)


def payout_created(withdrawal: Withdrawal, payout: Payout) -> Step:
    """The money is on its way to the bank."""
    if withdrawal.doing is not WithdrawalState.PAYING_OUT:
        return Step(withdrawal)
    arrives_at = payout.arrives_at or withdrawal.estimated_arrival
    sent = replace(_now(withdrawal, WithdrawalState.IN_TRANSIT), payout_id=payout.id, estimated_arrival=arrives_at)
    entry = _entry(withdrawal, f"payout:{payout.id}", (_paying_out(withdrawal), _connected(withdrawal)))
    return Step(sent, (entry,))


def payout_must_wait(withdrawal: Withdrawal, reason: Reason, until: datetime | None = None) -> Step:
    """The connected account's balance does not cover it yet: this attempt is over, the next comes later."""
    if withdrawal.doing is not WithdrawalState.PAYING_OUT:
        return Step(withdrawal)
    again = _now(withdrawal, WithdrawalState.TRANSFERRED, reason)
    return Step(replace(again, payout_attempt=withdrawal.payout_attempt + 1, waits_until=until))


def payout_refused(withdrawal: Withdrawal, reason: Reason) -> Step:
    """No payout was created, and none will be: the transfer is to be reversed."""
    if withdrawal.doing is not WithdrawalState.PAYING_OUT:
        return Step(withdrawal)
    return _failed(withdrawal, (), reason)


def payout_paid(withdrawal: Withdrawal, payout: Payout) -> Step:
    """The bank has the money. The event may overtake the answer that created the payout."""
    if withdrawal.doing not in _PAYOUT_OPEN or withdrawal.payout_id not in (None, payout.id):
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


def payout_failed(withdrawal: Withdrawal, payout: Payout, at: datetime) -> Step:
    """The bank did not take the money, or sent it back after ``paid`` (stripe.md section 3): both are legal.

    ``at``: when that became known. Until the bank account changes after it, nothing can be sent to it.
    """
    if withdrawal.payout_id not in (None, payout.id):
        return Step(withdrawal)
    if withdrawal.state is WithdrawalState.PAID:
        entry = _entry(withdrawal, f"failed:{payout.id}", (_connected(withdrawal), _in_transit(withdrawal)))
        return _refused_by_the_bank(withdrawal, (entry,), payout, at)
    if withdrawal.doing not in _PAYOUT_OPEN:
        return Step(withdrawal)
    created = payout_created(withdrawal, payout)
    entry = _entry(withdrawal, f"failed:{payout.id}", (_connected(withdrawal), _paying_out(withdrawal)))
    return _refused_by_the_bank(created.withdrawal, (*created.entries, entry), payout, at)


def begin_reversal(withdrawal: Withdrawal) -> Step:
    """From now on the transfer may be reversed."""
    if withdrawal.state is not WithdrawalState.FAILED:
        return Step(withdrawal)
    return Step(
        replace(withdrawal, state=WithdrawalState.REVERSING, waits_until=None, tries=0),
        begins=withdrawal.reversal_key,
    )


def reversal_must_wait(withdrawal: Withdrawal, until: datetime | None = None) -> Step:
    """Stripe refused to reverse now (the money is not back on the account yet): another attempt comes later."""
    if withdrawal.doing is not WithdrawalState.REVERSING:
        return Step(withdrawal)
    return Step(
        replace(
            withdrawal,
            state=WithdrawalState.FAILED,
            unresolved_in=None,
            reversal_attempt=withdrawal.reversal_attempt + 1,
            waits_until=until,
            tries=0,
        )
    )


def reversal_impossible(withdrawal: Withdrawal) -> Step:
    """Stripe refused to reverse, and with the account gone that mends itself no more: a person must look.

    Another attempt comes now and then all the same, for the refusal may end.
    """
    if withdrawal.doing is not WithdrawalState.REVERSING:
        return Step(withdrawal)
    again = reversal_must_wait(withdrawal).withdrawal
    stuck = replace(again, state=WithdrawalState.UNRESOLVED, unresolved_in=WithdrawalState.REVERSING)
    return Step(stuck, begins=stuck.reversal_key)


def transfer_reversed(withdrawal: Withdrawal, reversal_id: str) -> Step:
    """The money is back on the platform's balance, and so in the wallet."""
    if withdrawal.doing not in (WithdrawalState.FAILED, WithdrawalState.REVERSING):
        return Step(withdrawal)
    return _returned(
        replace(withdrawal, reversal_id=reversal_id),
        "reverse",
        (_balance(withdrawal), _connected(withdrawal)),
        (_in_transit(withdrawal), _available(withdrawal)),
        reason=None,
    )


def _reserved(
    withdrawal: Withdrawal, state: WithdrawalState, reason: Reason | None, until: datetime | None
) -> Step:
    if withdrawal.state is not WithdrawalState.REQUESTED:
        return Step(withdrawal)
    entry = _entry(withdrawal, "reserve", (_available(withdrawal), _in_transit(withdrawal)))
    return Step(replace(_now(withdrawal, state, reason), waits_until=until), (entry,))


def _now(withdrawal: Withdrawal, state: WithdrawalState, reason: Reason | None = None) -> Withdrawal:
    code = reason.code if reason else None
    return replace(withdrawal, state=state, reason=code, waits_until=None, unresolved_in=None, tries=0)


def _lost_while_paying_out(withdrawal: Withdrawal) -> Step:
    lost = _now(withdrawal, WithdrawalState.UNRESOLVED, ACCOUNT_LOST_WHILE_SENT)
    if withdrawal.reason == lost.reason:
        return Step(withdrawal)
    notice = _notice(
        withdrawal,
        "unresolved",
        NoticeType.WITHDRAWAL_FAILED,
        "Withdrawal interrupted",
        f"{ACCOUNT_LOST_WHILE_SENT.sentence} {ACCOUNT_LOST_WHILE_SENT.next_step}",
    )
    return Step(replace(lost, unresolved_in=WithdrawalState.PAYING_OUT), notices=(notice,))


def _refused_by_the_bank(withdrawal: Withdrawal, entries: tuple[Entry, ...], payout: Payout, at: datetime) -> Step:
    if payout.status == "canceled":
        # A person canceled it at Stripe before it left: nothing is wrong with the bank account.
        return _failed(withdrawal, entries, PAYOUT_CANCELED)
    return _failed(replace(withdrawal, payout_failed_at=at), entries, payout_failure(payout.failure_code))


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
    returned = _now(withdrawal, WithdrawalState.RETURNED, reason)
    if reason is None:
        # Why it failed is still what the contractor wants to know.
        returned = replace(returned, reason=withdrawal.reason)
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
