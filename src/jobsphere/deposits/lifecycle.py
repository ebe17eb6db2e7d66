"""What can happen to a deposit. Rules only: they compute the next deposit, nothing is stored here.

The states and their order are those of lifecycle.md section 9 and stripe.md section 1. Stripe's events come in
any order and more than once, so a report that is older than what we know changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from jobsphere.deposits.attempt import Attempt, AttemptState
from jobsphere.deposits.declines import EXPIRED, Decline, explain
from jobsphere.ledger.accounts import stripe_balance, wallet_available
from jobsphere.ledger.posting import Entry, Posting
from jobsphere.money import Money
from jobsphere.notifications.notice import Notice, NoticeType
from jobsphere.stripe_gateway.objects import Card, Failure


class DepositState(StrEnum):
    """What is true of a deposit."""

    CREATED = "created"  # stored; a PaymentIntent may exist at Stripe, but it was never confirmed
    CONFIRMING = "confirming"  # a confirmation may have been sent; its outcome may be unknown
    REQUIRES_ACTION = "requires_action"  # the customer must pass 3-D Secure
    PROCESSING = "processing"  # the card was charged or is being charged; Stripe's event will tell
    DECLINED = "declined"  # the last card was refused; the same PaymentIntent waits for another one
    SUCCEEDED = "succeeded"  # the money is in the wallet
    CANCELED = "canceled"  # given up; money that comes all the same is credited
    EXPIRED = "expired"  # the customer left it for a day; money that comes all the same is credited


# Where the worker has something to send.
UNSENT = frozenset({DepositState.CREATED, DepositState.CONFIRMING})
# Where the customer has something to do, for a day.
LEFT_TO_CUSTOMER = frozenset({DepositState.REQUIRES_ACTION, DepositState.DECLINED})
# Where nothing is waited for any more.
OVER = frozenset({DepositState.SUCCEEDED, DepositState.CANCELED, DepositState.EXPIRED})


class UnexpectedAmount(Exception):
    """Stripe reports another amount or currency than was asked for: a person must look at it."""


class NoOtherCardPossible(Exception):
    """The deposit is over, or is being paid at this moment: no other card can be tried."""


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
    attempted_at: datetime  # when its present attempt began, or its last one if none is open
    attempts_ended: int = 0
    saves_card: bool = False  # the card that pays is kept for next time
    failed_with: str | None = None  # the charge, or the payment method, of the last attempt that failed

    @property
    def attempt_number(self) -> int:
        """The number of the attempt that is open, or of the next one."""
        return self.attempts_ended + 1


@dataclass(frozen=True, slots=True)
class Step:
    """What a report leads to: the deposit as it is now, and what to store with it. The same deposit: nothing."""

    deposit: Deposit
    entry: Entry | None = None
    decline: Decline | None = None
    notices: tuple[Notice, ...] = ()
    attempts: tuple[Attempt, ...] = ()


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
    """The money came: credit it once, whatever was believed before (also after canceled or expired).

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
        attempts_ended=deposit.attempt_number,
    )
    posting = Posting(
        debit=stripe_balance(received.currency),
        credit=wallet_available(deposit.wallet_id, received.currency),
        amount=received,
    )
    body = f"{deposit.amount} is now in your wallet."
    return Step(
        credited,
        entry=Entry(f"deposit:{deposit.id}:settle", (posting,)),
        notices=(_notice(deposit, "succeeded", NoticeType.PAYMENT_RECEIVED, "Deposit successful", body),),
        attempts=(Attempt(deposit.attempt_number, AttemptState.SUCCEEDED, charge_id=charge_id),),
    )


def declined(deposit: Deposit, payment_intent_id: str | None, failure: Failure) -> Step:
    """An attempt failed. The PaymentIntent may still succeed with another card (stripe.md section 1)."""
    if deposit.state in OVER or is_known(deposit, failure):
        return Step(deposit)
    decline = explain(failure.code)
    number = deposit.attempt_number
    return Step(
        replace(
            deposit,
            state=DepositState.DECLINED,
            payment_intent_id=payment_intent_id or deposit.payment_intent_id,
            failure_code=decline.code,
            attempts_ended=number,
            failed_with=_name(failure) or deposit.failed_with,
        ),
        decline=decline,
        notices=(_failure(deposit, f"declined:{number}", "Deposit failed", decline),),
        attempts=(
            Attempt(
                number,
                AttemptState.DECLINED,
                payment_method_id=failure.payment_method_id,
                card=failure.card,
                charge_id=failure.charge_id,
                failure_code=decline.code,
            ),
        ),
    )


def another_card(
    deposit: Deposit,
    payment_method_id: str,
    *,
    now: datetime,
    card: Card | None = None,
) -> Step:
    """Try the same PaymentIntent with another card: a new attempt, with a key of its own.

    Raises:
        NoOtherCardPossible: it is over, or an answer to the last attempt is still to come.
    """
    if deposit.state not in LEFT_TO_CUSTOMER or deposit.payment_intent_id is None:
        raise NoOtherCardPossible
    left = _abandoned(deposit)
    again = replace(
        deposit,
        state=DepositState.CONFIRMING,
        payment_method_id=payment_method_id,
        failure_code=None,
        tries=0,
        attempted_at=now,
        attempts_ended=deposit.attempts_ended + len(left),
    )
    begun = Attempt(again.attempt_number, AttemptState.OPEN, payment_method_id, card)
    return Step(again, attempts=(*left, begun))


def canceled(deposit: Deposit, reason: Decline) -> Step:
    """It is given up, by us or at Stripe, before any money moved."""
    if deposit.state in OVER:
        return Step(deposit)
    return _given_up(deposit, DepositState.CANCELED, reason, "Deposit canceled")


def expired(deposit: Deposit) -> Step:
    """Its owner left it for a day, and Stripe has canceled it; what moved on meanwhile stays as it is."""
    if deposit.state not in LEFT_TO_CUSTOMER:
        return Step(deposit)
    return _given_up(deposit, DepositState.EXPIRED, EXPIRED, "Deposit expired")


def _given_up(deposit: Deposit, state: DepositState, reason: Decline, title: str) -> Step:
    # Its attempt keeps its number: should it charge the card after all, it is that one.
    return Step(
        replace(deposit, state=state, failure_code=reason.code),
        decline=reason,
        notices=(_failure(deposit, state.value, title, reason),),
        attempts=_abandoned(deposit),
    )


def _moved(deposit: Deposit, state: DepositState, payment_intent_id: str) -> Step:
    may_move = {
        DepositState.REQUIRES_ACTION: (*UNSENT, DepositState.DECLINED),
        DepositState.PROCESSING: (*UNSENT, *LEFT_TO_CUSTOMER),
    }
    if deposit.state not in may_move[state]:
        return Step(deposit)
    # After a decline the browser may confirm the PaymentIntent by itself, with a card we do not know yet.
    begun = deposit.state is DepositState.DECLINED
    return Step(
        replace(deposit, state=state, payment_intent_id=payment_intent_id, failure_code=None),
        attempts=(Attempt(deposit.attempt_number, AttemptState.OPEN),) if begun else (),
    )


def is_known(deposit: Deposit, failure: Failure) -> bool:
    """Whether this failure was told before, or tells nothing that could be new."""
    if failure.charge_id is not None:
        return failure.charge_id == deposit.failed_with
    # The same card may fail 3-D Secure again, but not before it was confirmed again.
    is_open = deposit.state in (DepositState.REQUIRES_ACTION, DepositState.PROCESSING)
    repeats = failure.payment_method_id is not None and failure.payment_method_id == deposit.failed_with
    return not is_open and (repeats or (deposit.state is DepositState.DECLINED and _name(failure) is None))


def _name(failure: Failure) -> str | None:
    return failure.charge_id or failure.payment_method_id


def _abandoned(deposit: Deposit) -> tuple[Attempt, ...]:
    """The attempt that was open and will not be gone on with."""
    if deposit.state is DepositState.DECLINED:
        return ()
    return (Attempt(deposit.attempt_number, AttemptState.ABANDONED),)


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
