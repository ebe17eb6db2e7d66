"""Who plays each kind of scenario, what they do one after the other, and where each deed must lead."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from jobsphere.disputes.tables import disputes
from jobsphere.refunds.tables import refunds
from tests.chaos.plan import Kind, Scenario
from tests.chaos.plays import (
    Play,
    a_customer,
    dispute,
    dispute_and_lose,
    dispute_part,
    dispute_rest,
    escalate,
    fail_payout,
    is_warned,
    lose,
    pay,
    pay_again,
    refund,
    refund_at_stripe,
    refund_on_both_sides,
    warn,
    who_earned_it,
    who_promised_it,
    who_spent_it,
    win,
    win_another,
    win_in_part,
    withdraw,
    withdrawal_of,
)
from tests.chaos.world import World

Act = Callable[[Play], Coroutine[Any, Any, None]]
# Whether it is where it must be before the next act, or at its end.
Reached = Callable[[Play], Awaitable[bool]]
Step = tuple[Act, Reached]

_WITHDRAWING = (Kind.WITHDRAWN, Kind.PAYOUT_FAILED, Kind.PAYOUT_FAILED_AFTER_PAID)
_PEOPLE = {
    **dict.fromkeys(_WITHDRAWING, who_earned_it),
    Kind.REFUNDED_WHEN_SPENT: who_spent_it,
    Kind.DISPUTE_WHEN_SPENT: who_spent_it,
    Kind.DISPUTE_WON_WHEN_SPENT: who_spent_it,
    Kind.DISPUTE_OF_HELD_MONEY: who_promised_it,
    Kind.DISPUTE_WON_OF_HELD_MONEY: who_promised_it,
}


async def start(world: World, scenario: Scenario) -> Play:
    """The people, with what they need before anything is lost or late."""
    people = await _PEOPLE.get(scenario.kind, a_customer)(world.jobsphere, scenario)
    play = Play(world, scenario, people)
    if scenario.kind in _WITHDRAWING:
        play.ids["pay"] = (await play.person.wallet())[0]
    return play


def deposit_is(status: str) -> Reached:
    async def reached(play: Play) -> bool:
        return bool((await play.deposit())["status"] == status)

    return reached


def rows_are(table: Any, *states: str) -> Reached:
    async def reached(play: Play) -> bool:
        return await play.states_of(table) == sorted(states)

    return reached


def withdrawal_is(state: str) -> Reached:
    async def reached(play: Play) -> bool:
        return bool((await withdrawal_of(play))["state"] == state)

    return reached


_PAID: Step = (pay, deposit_is("completed"))
_PAID_AGAIN: Step = (pay_again, deposit_is("completed"))
_REFUNDED: Step = (refund, rows_are(refunds, "succeeded"))
_REFUNDED_AT_STRIPE: Step = (refund_at_stripe, rows_are(refunds, "succeeded"))
_DISPUTED: Step = (dispute, rows_are(disputes, "open"))
_WON: Step = (win, rows_are(disputes, "won"))
_LOST: Step = (lose, rows_are(disputes, "lost"))
_ASKED: Step = (dispute, rows_are(disputes, "inquiry"))

STEPS: Mapping[Kind, Sequence[Step]] = {
    Kind.PAID: [_PAID],
    Kind.PAID_WITH_3DS: [_PAID],
    Kind.FAILED_3DS: [(pay, deposit_is("failed"))],
    Kind.DECLINED: [(pay, deposit_is("failed"))],
    Kind.DECLINED_THEN_PAID: [_PAID],
    Kind.REFUNDED: [_PAID, _REFUNDED],
    Kind.REFUND_PENDING: [_PAID, _REFUNDED],
    Kind.REFUND_FAILED: [_PAID, (refund, rows_are(refunds, "failed"))],
    Kind.REFUNDED_AT_STRIPE: [_PAID, _REFUNDED_AT_STRIPE],
    Kind.REFUNDED_TWICE: [_PAID, (refund_on_both_sides, rows_are(refunds, "succeeded", "succeeded"))],
    Kind.REFUNDED_WHEN_SPENT: [_REFUNDED_AT_STRIPE, _PAID_AGAIN],
    Kind.DISPUTE_WON: [_PAID, _DISPUTED, _WON],
    Kind.DISPUTE_WON_IN_PART: [_PAID, _DISPUTED, (win_in_part, rows_are(disputes, "won"))],
    Kind.DISPUTE_LOST: [_PAID, _DISPUTED, _LOST],
    Kind.DISPUTE_LOST_AT_ONCE: [_PAID, (dispute_and_lose, rows_are(disputes, "lost"))],
    Kind.DISPUTE_OF_PART: [_PAID, (dispute_part, rows_are(disputes, "open")), _LOST],
    Kind.DISPUTES_OF_PARTS: [
        _PAID,
        (dispute_part, rows_are(disputes, "open")),
        (dispute_rest, rows_are(disputes, "open", "open")),
        (lose, rows_are(disputes, "lost", "open")),
        (win_another, rows_are(disputes, "lost", "won")),
    ],
    Kind.DISPUTE_AFTER_REFUND: [_PAID, _REFUNDED, _DISPUTED, _LOST],
    Kind.DISPUTE_WHEN_SPENT: [_DISPUTED, _LOST, _PAID_AGAIN],
    Kind.DISPUTE_WON_WHEN_SPENT: [_DISPUTED, _WON],
    Kind.DISPUTE_OF_HELD_MONEY: [_DISPUTED, _LOST],
    Kind.DISPUTE_WON_OF_HELD_MONEY: [_DISPUTED, _WON],
    Kind.INQUIRY: [_PAID, _ASKED, (lose, rows_are(disputes, "closed"))],
    Kind.INQUIRY_LOST: [_PAID, _ASKED, (escalate, rows_are(disputes, "open")), _LOST],
    Kind.FRAUD_WARNING: [_PAID, (warn, is_warned)],
    Kind.WITHDRAWN: [(withdraw, withdrawal_is("paid"))],
    Kind.PAYOUT_FAILED: [(withdraw, withdrawal_is("returned"))],
    Kind.PAYOUT_FAILED_AFTER_PAID: [
        (withdraw, withdrawal_is("paid")),
        (fail_payout, withdrawal_is("returned")),
    ],
}
