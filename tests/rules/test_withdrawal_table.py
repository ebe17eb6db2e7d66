"""Withdrawals: every state times every deed and report, written out with all that is stored."""

from dataclasses import dataclass, replace

import pytest

from jobsphere.ledger.accounts import Account
from jobsphere.notifications.notice import NoticeType
from jobsphere.withdrawals import lifecycle, reasons
from jobsphere.withdrawals.withdrawal import UNSENT, Step, WithdrawalState
from tests.rules.withdrawing import (
    ALL_STATES,
    AMOUNT,
    ARRIVES_AT,
    CONNECTED,
    FOREIGN,
    IN_TRANSIT,
    PAYING_OUT,
    RULES,
    STRIPE,
    WALLET,
    WITHDRAWAL,
    Rule,
    in_state,
)

# For each rule: what it makes of the states in which it counts. In every other state nothing changes.
AFTER: dict[str, dict[str, str]] = {
    "reserve": {"requested": "reserved"},
    "hold_for_review": {"requested": "held_for_review"},
    "approve": {"held_for_review": "reserved"},
    "reject": {"held_for_review": "returned"},
    "cancel": {"held_for_review": "canceled", "reserved": "canceled"},
    "wait": {"reserved": "reserved", "transferred": "transferred"},
    "answer_lost": {"transferring": "unresolved", "paying_out": "unresolved", "reversing": "unresolved"},
    "account_lost": {
        "reserved": "returned",
        "transferred": "failed",
        "paying_out": "unresolved",
        "unresolved in paying_out": "unresolved",
        "reversing": "unresolved",
    },
    "begin_transfer": {"reserved": "transferring"},
    "transfer_made": {
        "reserved": "transferred",
        "transferring": "transferred",
        "unresolved in transferring": "transferred",
    },
    "transfer_must_wait": {"transferring": "reserved", "unresolved in transferring": "reserved"},
    "transfer_refused": {"transferring": "returned", "unresolved in transferring": "returned"},
    "begin_payout": {"transferred": "paying_out"},
    "payout_created": {"paying_out": "in_transit", "unresolved in paying_out": "in_transit"},
    "payout_must_wait": {"paying_out": "transferred", "unresolved in paying_out": "transferred"},
    "payout_refused": {"paying_out": "failed", "unresolved in paying_out": "failed"},
    "payout_paid": {"paying_out": "paid", "in_transit": "paid", "unresolved in paying_out": "paid"},
    "payout_failed": {
        "paying_out": "failed",
        "in_transit": "failed",
        "paid": "failed",
        "unresolved in paying_out": "failed",
    },
    "begin_reversal": {"failed": "reversing"},
    "reversal_must_wait": {"reversing": "failed", "unresolved in reversing": "failed"},
    "reversal_impossible": {"reversing": "unresolved", "unresolved in reversing": "unresolved"},
    "transfer_reversed": {"failed": "returned", "reversing": "returned", "unresolved in reversing": "returned"},
}

Move = tuple[Account, Account]
RESERVED = ("reserve", (WALLET, IN_TRANSIT))
TRANSFER = ("transfer:tr_1", (CONNECTED, STRIPE))
CREATED = ("payout:po_1", (PAYING_OUT, CONNECTED))
PAID = ("paid:po_1", (IN_TRANSIT, PAYING_OUT))
FAILED_BEFORE_PAID = ("failed:po_1", (CONNECTED, PAYING_OUT))
FAILED_AFTER_PAID = ("failed:po_1", (CONNECTED, IN_TRANSIT))
RELEASED = ("release", (IN_TRANSIT, WALLET))
REVERSED = ("reverse", (STRIPE, CONNECTED), (IN_TRANSIT, WALLET))


@dataclass(frozen=True, slots=True)
class Effects:
    """What is stored beside the state: entries as (fact, moves of debit and credit), and the rest."""

    entries: tuple[tuple[str | Move, ...], ...] = ()
    begins: str | None = None
    reason: str | None = None
    notice: tuple[NoticeType, str] | None = None


FAILED = (NoticeType.WITHDRAWAL_FAILED, "failed")
RETURNED = (NoticeType.WITHDRAWAL_FAILED, "returned")
INTERRUPTED = (NoticeType.WITHDRAWAL_FAILED, "unresolved")
COMPLETED = (NoticeType.WITHDRAWAL_COMPLETED, "paid")
EFFECTS: dict[tuple[str, str], Effects] = {
    ("reserve", "requested"): Effects((RESERVED,)),
    ("hold_for_review", "requested"): Effects((RESERVED,), reason="in_review"),
    ("approve", "held_for_review"): Effects(),
    ("reject", "held_for_review"): Effects((RELEASED,), reason="review_rejected", notice=RETURNED),
    ("cancel", "held_for_review"): Effects((RELEASED,), reason="canceled_by_contractor"),
    ("cancel", "reserved"): Effects((RELEASED,), reason="canceled_by_contractor"),
    ("wait", "reserved"): Effects(reason="platform_funds_pending"),
    ("wait", "transferred"): Effects(reason="platform_funds_pending"),
    ("answer_lost", "transferring"): Effects(reason="answer_lost"),
    ("answer_lost", "paying_out"): Effects(reason="answer_lost"),
    ("answer_lost", "reversing"): Effects(),
    ("account_lost", "reserved"): Effects((RELEASED,), reason="account_disconnected", notice=RETURNED),
    ("account_lost", "transferred"): Effects(reason="account_disconnected", notice=FAILED),
    ("account_lost", "paying_out"): Effects(reason="account_lost_while_sent", notice=INTERRUPTED),
    ("account_lost", "reversing"): Effects(),
    ("begin_transfer", "reserved"): Effects(begins="transfer:1"),
    ("transfer_made", "reserved"): Effects((TRANSFER,)),
    ("transfer_made", "transferring"): Effects((TRANSFER,)),
    ("transfer_must_wait", "transferring"): Effects(reason="platform_funds_pending"),
    ("transfer_refused", "transferring"): Effects((RELEASED,), reason="transfer_refused", notice=RETURNED),
    ("begin_payout", "transferred"): Effects(begins="payout:1"),
    ("payout_created", "paying_out"): Effects((CREATED,)),
    ("payout_must_wait", "paying_out"): Effects(reason="account_funds_pending"),
    ("payout_refused", "paying_out"): Effects(reason="payout_refused", notice=FAILED),
    ("payout_paid", "paying_out"): Effects((CREATED, PAID), notice=COMPLETED),
    ("payout_paid", "in_transit"): Effects((PAID,), notice=COMPLETED),
    ("payout_failed", "paying_out"): Effects(
        (CREATED, FAILED_BEFORE_PAID), reason="account_closed", notice=FAILED
    ),
    ("payout_failed", "in_transit"): Effects((FAILED_BEFORE_PAID,), reason="account_closed", notice=FAILED),
    ("payout_failed", "paid"): Effects((FAILED_AFTER_PAID,), reason="account_closed", notice=FAILED),
    ("begin_reversal", "failed"): Effects(begins="reversal:1"),
    ("reversal_must_wait", "reversing"): Effects(),
    # The call that was refused is over; the next one is another.
    ("reversal_impossible", "reversing"): Effects(begins="reversal:2"),
    ("transfer_reversed", "failed"): Effects((REVERSED,), notice=RETURNED),
    ("transfer_reversed", "reversing"): Effects((REVERSED,), notice=RETURNED),
}


# What is found out of a lost answer counts as the answer would have.
for (_rule, _state), _effects in list(EFFECTS.items()):
    if f"unresolved in {_state}" in AFTER[_rule]:
        EFFECTS[_rule, f"unresolved in {_state}"] = _effects


def test_the_tables_have_every_rule_and_every_cell() -> None:
    public = {
        name
        for name, rule in vars(lifecycle).items()
        if getattr(rule, "__annotations__", {}).get("return") is Step and not name.startswith("_")
    }
    assert set(AFTER) == set(RULES) == public
    assert set(EFFECTS) == {(rule, state) for rule, cells in AFTER.items() for state in cells}


@pytest.mark.parametrize("state", ALL_STATES)
@pytest.mark.parametrize("rule", RULES)
def test_every_state_and_every_rule(state: str, rule: str) -> None:
    before = in_state(state)

    step = RULES[rule](before)

    if state not in AFTER[rule]:
        assert step == Step(before)
        return
    expected = EFFECTS[rule, state]
    prefix = f"withdrawal:{WITHDRAWAL.id}:"
    assert step.withdrawal.state == AFTER[rule][state]
    assert (
        tuple(
            (
                entry.reference.removeprefix(prefix),
                *((posting.debit, posting.credit) for posting in entry.postings),
            )
            for entry in step.entries
        )
        == expected.entries
    )
    assert {posting.amount for entry in step.entries for posting in entry.postings} <= {AMOUNT}
    lost_in = state.removeprefix("unresolved in ") if AFTER[rule][state] == "unresolved" else None
    assert step.withdrawal.unresolved_in == lost_in
    assert step.begins == (prefix + expected.begins if expected.begins else None)
    assert step.withdrawal.reason == expected.reason
    assert [(notice.type, notice.reference.removeprefix(prefix)) for notice in step.notices] == (
        [expected.notice] if expected.notice else []
    )


@pytest.mark.parametrize("state", ALL_STATES)
@pytest.mark.parametrize("rule", RULES)
def test_people_see_a_failure_exactly_when_the_money_is_to_come_back(state: str, rule: str) -> None:
    step = RULES[rule](in_state(state))

    assert (step.failure is not None) == (
        (
            rule in ("reject", "cancel", "transfer_refused", "payout_refused", "payout_failed")
            and state in AFTER[rule]
        )
        or (rule == "account_lost" and state in ("reserved", "transferred"))
    )


@pytest.mark.parametrize(
    ("rule", "state", "raised"),
    [
        ("transfer_must_wait", "transferring", "transfer_attempt"),
        ("payout_must_wait", "paying_out", "payout_attempt"),
        ("reversal_must_wait", "reversing", "reversal_attempt"),
        ("reversal_impossible", "reversing", "reversal_attempt"),
    ],
)
def test_a_refusal_ends_that_attempt_and_the_next_has_a_new_key(rule: str, state: str, raised: str) -> None:
    before = in_state(state)

    after = RULES[rule](before).withdrawal

    attempts = ("transfer_attempt", "payout_attempt", "reversal_attempt")
    assert {name: getattr(after, name) - getattr(before, name) for name in attempts} == {
        name: int(name == raised) for name in attempts
    }
    key = raised.replace("attempt", "key")
    assert getattr(after, key) == f"withdrawal:{WITHDRAWAL.id}:{raised.removesuffix('_attempt')}:2"


@pytest.mark.parametrize(("rule", "state"), [pair for pair in EFFECTS if AFTER[pair[0]][pair[1]] in UNSENT])
def test_each_new_deed_starts_with_no_failed_tries(rule: str, state: str) -> None:
    assert RULES[rule](in_state(state)).withdrawal.tries == 0


def test_what_stripe_names_is_kept() -> None:
    transferred = RULES["transfer_made"](in_state("transferring")).withdrawal
    sent = RULES["payout_created"](replace(transferred, state=WithdrawalState.PAYING_OUT)).withdrawal
    returned = RULES["transfer_reversed"](replace(sent, state=WithdrawalState.REVERSING)).withdrawal

    assert (returned.transfer_id, returned.payout_id, returned.reversal_id) == ("tr_1", "po_1", "trr_1")
    assert returned.estimated_arrival == ARRIVES_AT


@pytest.mark.parametrize("state", ["in_transit", "paid"])
@pytest.mark.parametrize("rule", FOREIGN.values(), ids=FOREIGN)
def test_reports_of_another_payout_change_nothing(state: str, rule: Rule) -> None:
    before = in_state(state)

    assert rule(before) == Step(before)


def test_why_it_failed_is_still_known_when_the_money_is_back() -> None:
    failed = RULES["payout_failed"](in_state("in_transit")).withdrawal

    returned = RULES["transfer_reversed"](RULES["begin_reversal"](failed).withdrawal).withdrawal

    assert returned.reason == reasons.BANK_ACCOUNT_CLOSED.code


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("account_closed", reasons.BANK_ACCOUNT_CLOSED),
        ("no_account", reasons.NO_BANK_ACCOUNT),
        ("could_not_process", reasons.BANK_REFUSED),
        ("a_code_of_next_year", reasons.BANK_REFUSED),
        ("", reasons.BANK_REFUSED),
        (None, reasons.BANK_REFUSED),
    ],
)
def test_every_failure_of_a_bank_has_a_reason_that_is_found_again(
    code: str | None, reason: reasons.Reason
) -> None:
    assert reasons.payout_failure(code) is reason
    assert reasons.by_code(reason.code) is reason
