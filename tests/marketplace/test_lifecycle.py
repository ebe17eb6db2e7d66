"""The life cycle of offers and jobs: every state and step, and the laws that hold for any amount."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.ledger.accounts import platform_fees, service_fees
from jobsphere.ledger.posting import Posting, Verdict, decide
from jobsphere.marketplace import job as jobs
from jobsphere.marketplace import lifecycle
from jobsphere.marketplace.fees import Fees
from jobsphere.marketplace.job import Job, JobState
from jobsphere.marketplace.lifecycle import OfferNotDue, Step
from jobsphere.marketplace.offer import Offer, OfferState
from jobsphere.marketplace.refusals import JobNotAssigned, JobNotOpen, OfferExpired, OfferNotAccepted, OfferNotOpen
from jobsphere.money import Money

SENT_AT = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRES_AT = SENT_AT + timedelta(days=7)
CUSTOMER, CONTRACTOR = UUID(int=1), UUID(int=2)

OPEN_JOB = Job(UUID(int=3), CUSTOMER, "Paint the fence", "Green.", JobState.OPEN, SENT_AT)
SENT = Offer(
    id=UUID(int=4),
    job_id=OPEN_JOB.id,
    customer_id=CUSTOMER,
    contractor_id=CONTRACTOR,
    customer_wallet_id=UUID(int=11),
    contractor_wallet_id=UUID(int=12),
    fees=Fees.on(Money(100_00, "usd")),
    message="",
    state=OfferState.SENT,
    expires_at=EXPIRES_AT,
    created_at=SENT_AT,
)

Rule = Callable[[Job, Offer], Step]
_LATE = EXPIRES_AT
RULES: dict[str, Rule] = {
    "send": lifecycle.send,
    "accept": partial(lifecycle.accept, now=SENT_AT),
    "accept too late": partial(lifecycle.accept, now=_LATE),
    "decline": partial(lifecycle.decline, now=_LATE),
    "withdraw": partial(lifecycle.withdraw, now=_LATE),
    "expire": partial(lifecycle.expire, now=_LATE),
    "expire too early": partial(lifecycle.expire, now=EXPIRES_AT - timedelta(microseconds=1)),
    "give_way": partial(lifecycle.give_way, now=SENT_AT),
    "complete": partial(lifecycle.complete, now=SENT_AT),
}
FROM_SENT: dict[str, OfferState | type[Exception]] = {
    "send": OfferState.SENT,
    "accept": OfferState.ACCEPTED,
    "accept too late": OfferExpired,
    "decline": OfferState.DECLINED,
    "withdraw": OfferState.WITHDRAWN,
    "expire": OfferState.EXPIRED,
    "expire too early": OfferNotDue,
    "give_way": OfferState.EXPIRED,
    "complete": OfferNotAccepted,
}


def _expected(state: OfferState, rule: str) -> OfferState | type[Exception]:
    if state is OfferState.SENT:
        return FROM_SENT[rule]
    if rule == "complete":
        return OfferState.COMPLETED if state is OfferState.ACCEPTED else OfferNotAccepted
    return OfferExpired if state is OfferState.EXPIRED else OfferNotOpen


def _in(state: OfferState) -> Offer:
    return replace(SENT, state=state, answered_at=None if state is OfferState.SENT else SENT_AT)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("state", OfferState)
def test_every_offer_state_takes_every_step_or_says_why_not(state: OfferState, rule: str) -> None:
    # The job is always one that would allow the step, so that the offer alone decides.
    job = replace(OPEN_JOB, state=JobState.ASSIGNED) if rule == "complete" else OPEN_JOB
    expected = _expected(state, rule)
    if isinstance(expected, OfferState):
        assert RULES[rule](job, _in(state)).offer.state is expected
        return
    with pytest.raises(expected) as refusal:
        RULES[rule](job, _in(state))
    if expected is not OfferNotDue and rule != "accept too late":
        assert str(refusal.value) == f"it is {state}"


JOB_STEPS: dict[str, Callable[[Job], Job]] = {
    "assign": jobs.assign,
    "complete": partial(jobs.complete, now=SENT_AT),
    "close": jobs.close,
}
JOB_MOVES = {
    (JobState.OPEN, "assign"): JobState.ASSIGNED,
    (JobState.OPEN, "close"): JobState.CLOSED,
    (JobState.ASSIGNED, "complete"): JobState.COMPLETED,
}


@pytest.mark.parametrize("step", JOB_STEPS)
@pytest.mark.parametrize("state", JobState)
def test_every_job_state_takes_every_step_or_says_why_not(state: JobState, step: str) -> None:
    job = replace(OPEN_JOB, state=state)
    expected = JOB_MOVES.get((state, step))
    if expected is not None:
        assert JOB_STEPS[step](job).state is expected
        return
    with pytest.raises(JobNotAssigned if step == "complete" else JobNotOpen, match=f"it is {state}"):
        JOB_STEPS[step](job)


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.OPEN])
def test_offers_are_sent_and_accepted_only_while_their_job_is_open(state: JobState) -> None:
    job = replace(OPEN_JOB, state=state)
    with pytest.raises(JobNotOpen):
        lifecycle.send(job, SENT)
    with pytest.raises(JobNotOpen):
        lifecycle.accept(job, SENT, now=SENT_AT)


def test_an_offer_can_be_accepted_until_the_moment_it_expires() -> None:
    last = EXPIRES_AT - timedelta(microseconds=1)
    assert lifecycle.accept(OPEN_JOB, SENT, now=last).offer.answered_at == last
    with pytest.raises(OfferExpired):
        lifecycle.accept(OPEN_JOB, SENT, now=EXPIRES_AT)


def test_references_and_postings_are_those_of_the_design() -> None:
    accepted = lifecycle.accept(OPEN_JOB, SENT, now=SENT_AT)
    completed = lifecycle.complete(replace(OPEN_JOB, state=JobState.ASSIGNED), accepted.offer, now=SENT_AT)
    assert _postings(lifecycle.send(OPEN_JOB, SENT)) == (
        "offer:00000000-0000-0000-0000-000000000004:send",
        [(SENT.customer_available.name, SENT.escrow.name, "105.00")],
    )
    assert _postings(accepted) == (
        f"offer:{SENT.id}:accept",
        [(SENT.escrow.name, platform_fees("usd").name, "5.00")],
    )
    assert _postings(completed) == (
        f"offer:{SENT.id}:complete",
        [
            (SENT.escrow.name, SENT.contractor_available.name, "80.00"),
            (SENT.escrow.name, service_fees("usd").name, "20.00"),
        ],
    )


@pytest.mark.parametrize(
    ("rule", "deed"),
    [("decline", "decline"), ("withdraw", "withdraw"), ("expire", "expire"), ("give_way", "expire")],
)
def test_whatever_ends_an_open_offer_returns_the_whole_hold(rule: str, deed: str) -> None:
    step = RULES[rule](OPEN_JOB, SENT)
    assert _postings(step) == (
        f"offer:{SENT.id}:{deed}",
        [(SENT.escrow.name, SENT.customer_available.name, "105.00")],
    )
    [refund] = step.movements
    assert (refund.type, refund.amount) == ("refund", SENT.fees.hold)
    assert (refund.from_wallet_id, refund.to_wallet_id) == (None, SENT.customer_wallet_id)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("send", {CONTRACTOR}),
        ("accept", {CUSTOMER}),
        ("decline", {CUSTOMER}),
        ("withdraw", {CONTRACTOR}),
        ("expire", {CUSTOMER, CONTRACTOR}),
        ("give_way", {CUSTOMER, CONTRACTOR}),
        ("complete", {CUSTOMER, CONTRACTOR}),
    ],
)
def test_who_is_told_reads_amount_and_title_in_one_plain_sentence(rule: str, told: set[UUID]) -> None:
    is_done = rule == "complete"
    job = replace(OPEN_JOB, state=JobState.ASSIGNED) if is_done else OPEN_JOB
    notices = RULES[rule](job, _in(OfferState.ACCEPTED) if is_done else SENT).notices
    assert {notice.user_id for notice in notices} == told
    for notice in notices:
        assert "USD" in notice.body
        assert "Paint the fence" in notice.body
        assert "escrow" not in (notice.title + notice.body).lower()
        assert notice.body.count(".") == notice.body.count(".00") + 1
        assert notice.data == {"offerId": str(SENT.id), "jobId": str(OPEN_JOB.id)}


@given(amount_minor=st.integers(1, 10**12), ending=st.sampled_from(["complete", "decline", "expire"]))
def test_no_money_is_lost_or_left_whatever_the_amount_and_the_ending(amount_minor: int, ending: str) -> None:
    offer = replace(SENT, fees=Fees.on(Money(amount_minor, "jpy")))
    hold_minor = offer.fees.hold.amount_minor
    steps = _walk(offer, ending)
    entries = [step.entry for step in steps if step.entry is not None]

    verdicts = decide(entries, {offer.customer_available: hold_minor}, {})
    moved = _balances([posting for entry in entries for posting in entry.postings])

    assert set(verdicts) == {Verdict.RECORDED}
    assert moved[offer.escrow.name] == 0
    assert sum(moved.values()) == 0
    assert moved[offer.customer_available.name] == (-hold_minor if ending == "complete" else 0)
    assert moved.get(offer.contractor_available.name, 0) == (
        offer.fees.pay.amount_minor if ending == "complete" else 0
    )


@given(amount_minor=st.integers(1, 10**12))
def test_what_people_see_leaving_the_customer_is_what_was_held(amount_minor: int) -> None:
    offer = replace(SENT, fees=Fees.on(Money(amount_minor, "jpy")))
    _, *later = _walk(offer, "complete")
    paid = [movement for step in later for movement in step.movements]
    assert all(movement.amount for movement in paid)
    assert sum(movement.amount.amount_minor for movement in paid) == offer.fees.hold.amount_minor
    assert all(movement.from_wallet_id == offer.customer_wallet_id for movement in paid)


def _walk(offer: Offer, ending: str) -> list[Step]:
    sent = lifecycle.send(OPEN_JOB, offer)
    if ending != "complete":
        return [sent, RULES[ending](OPEN_JOB, sent.offer)]
    accepted = lifecycle.accept(OPEN_JOB, sent.offer, now=SENT_AT)
    assert accepted.job is not None
    return [sent, accepted, lifecycle.complete(accepted.job, accepted.offer, now=SENT_AT)]


def _postings(step: Step) -> tuple[str, list[tuple[str, str, str]]]:
    assert step.entry is not None
    lines = [(line.debit.name, line.credit.name, line.amount.to_major()) for line in step.entry.postings]
    return step.entry.reference, lines


def _balances(postings: list[Posting]) -> dict[str, int]:
    """Credits less debits of each account."""
    moved: dict[str, int] = {}
    for posting in postings:
        minor = posting.amount.amount_minor
        moved[posting.debit.name] = moved.get(posting.debit.name, 0) - minor
        moved[posting.credit.name] = moved.get(posting.credit.name, 0) + minor
    return moved
