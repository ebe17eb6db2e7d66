"""What can happen to a deposit. Rules only: they compute the next deposit, nothing is stored here.

The states and their order are those of lifecycle.md section 9 and stripe.md section 1. Stripe's events come in
any order and more than once, so a report that is older than what we know changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.deposits.declines import Decline, explain
from jobsphere.ledger.accounts import stripe_balance, wallet_available
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice, NoticeType


class DepositState(StrEnum):
    """What is true of a deposit."""

    CREATED = "created"  # stored; a PaymentIntent may exist at Stripe, but it was never confirmed
    CONFIRMING = "confirming"  # a confirmation may have been sent; its outcome may be unknown
    REQUIRES_ACTION = "requires_action"  # the customer must pass 3-D Secure
    PROCESSING = "processing"  # the card was charged or is being charged; Stripe's event will tell
    DECLINED = "declined"  # the last card was refused; the same PaymentIntent may still succeed
    SUCCEEDED = "succeeded"  # the money is in the wallet
    CANCELED = "canceled"  # given up; money that comes all the same is credited


# Where the worker has something to send.
UNSENT = frozenset({DepositState.CREATED, DepositState.CONFIRMING})


class UnexpectedAmount(Exception):
    """Stripe reports another amount or currency than was asked for: a person must look at it."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """A deposit of ``amount`` into a wallet."""

    id: UUID
    user_id: UUID
    wallet_id: UUID
    amount: Money
    state: DepositState
    payment_method_id: str
    payment_intent_id: str | None
    charge_id: str | None
    failure_code: str | None
    tries: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What a report leads to: the deposit as it is now, and what to store with it. The same deposit: nothing."""

    deposit: Deposit
    entry: Entry | None = None
    decline: Decline | None = None
    notices: tuple[Notice, ...] = ()


def intent_created(deposit: Deposit, payment_intent_id: str) -> Step:
    """Stripe has the PaymentIntent; next it is confirmed."""
    if deposit.state is not DepositState.CREATED:
        return Step(deposit)
    return Step(replace(deposit, state=DepositState.CONFIRMING, payment_intent_id=payment_intent_id, tries=0))


def requires_action(deposit: Deposit, payment_intent_id: str) -> Step:
    """The bank asks for 3-D Secure."""
    return _moved(deposit, DepositState.REQUIRES_ACTION, payment_intent_id)


def processing(deposit: Deposit, payment_intent_id: str) -> Step:
    """Stripe answered that the card is charged, or will be. Only its event credits the wallet."""
    return _moved(deposit, DepositState.PROCESSING, payment_intent_id)


def succeeded(deposit: Deposit, payment_intent_id: str, received: Money, charge_id: str | None) -> Step:
    """The money came: credit it once, whatever was believed before (also after canceled).

    Raises:
        UnexpectedAmount: Stripe received something else than was asked for.
    """
    if deposit.state is DepositState.SUCCEEDED:
        return Step(deposit)
    if received != deposit.amount:
        raise UnexpectedAmount(f"deposit {deposit.id}")
    credited = replace(
        deposit,
        state=DepositState.SUCCEEDED,
        payment_intent_id=payment_intent_id,
        charge_id=charge_id,
        failure_code=None,
    )
    posting = Posting(
        debit=stripe_balance(received.currency),
        credit=wallet_available(deposit.wallet_id, received.currency),
        amount=received,
    )
    return Step(
        credited,
        entry=Entry(f"deposit:{deposit.id}:settle", (posting,)),
        notices=(
            _notice(
                deposit,
                "succeeded",
                NoticeType.PAYMENT_RECEIVED,
                "Deposit successful",
                f"{deposit.amount} is now in your wallet.",
            ),
        ),
    )


def declined(deposit: Deposit, payment_intent_id: str | None, failure_code: str | None) -> Step:
    """An attempt failed. The PaymentIntent may still succeed with another card (stripe.md section 1)."""
    if deposit.state in (DepositState.SUCCEEDED, DepositState.CANCELED, DepositState.DECLINED):
        return Step(deposit)
    decline = explain(failure_code)
    return Step(
        replace(
            deposit,
            state=DepositState.DECLINED,
            payment_intent_id=payment_intent_id or deposit.payment_intent_id,
            failure_code=decline.code,
        ),
        decline=decline,
        notices=(_failure(deposit, "declined", "Deposit failed", decline),),
    )


def canceled(deposit: Deposit, reason: Decline) -> Step:
    """It is given up, by us or at Stripe, before any money moved."""
    if deposit.state in (DepositState.SUCCEEDED, DepositState.CANCELED):
        return Step(deposit)
    return Step(
        replace(deposit, state=DepositState.CANCELED, failure_code=reason.code),
        decline=reason,
        notices=(_failure(deposit, "canceled", "Deposit canceled", reason),),
    )


def _moved(deposit: Deposit, state: DepositState, payment_intent_id: str) -> Step:
    may_move = {
        DepositState.REQUIRES_ACTION: (*UNSENT, DepositState.DECLINED),
        DepositState.PROCESSING: (*UNSENT, DepositState.DECLINED, DepositState.REQUIRES_ACTION),
    }
    if deposit.state not in may_move[state]:
        return Step(deposit)
    return Step(replace(deposit, state=state, payment_intent_id=payment_intent_id, failure_code=None))


def _failure(deposit: Deposit, fact: str, title: str, reason: Decline) -> Notice:
    body = f"{reason.sentence} No money was taken."
    return _notice(deposit, fact, NoticeType.PAYMENT_FAILED, title, body)


def _notice(deposit: Deposit, fact: str, type_: NoticeType, title: str, body: str) -> Notice:
    return Notice(
        reference=f"deposit:{deposit.id}:{fact}",
        user_id=deposit.user_id,
        type=type_,
        title=title,
        body=body,
        data={"depositId": str(deposit.id), "transactionId": str(deposit.id)},
    )
