"""Bugs of the kind that lost other people's money, planted at run time: chaos must find every one of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any
from unittest import mock

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.deposits import lifecycle
from jobsphere.deposits.lifecycle import Deposit, DepositState, Step
from jobsphere.deposits.tables import deposits
from jobsphere.ledger.posting import Entry
from jobsphere.webhooks import process, receive
from jobsphere.webhooks.envelope import Envelope, open_envelope
from jobsphere.webhooks.handlers import HANDLERS, Event, Handler, Moment


@contextmanager
def effect_twice() -> Iterator[None]:
    """Skip the uniqueness of the effect: each copy of an event credits the payment, under a name of its own."""
    real, numbers = lifecycle.succeeded, count()

    def succeeded(deposit: Deposit, *args: Any, **kwargs: Any) -> Step:
        step = real(replace(deposit, state=DepositState.PROCESSING), *args, **kwargs)
        assert step.entry is not None
        return replace(step, entry=Entry(_fresh(step.entry.reference, next(numbers)), step.entry.postings))

    def never_seen_before(body: bytes, *, livemode: bool) -> Envelope:
        envelope = open_envelope(body, livemode=livemode)
        return replace(envelope, event_key=f"{envelope.event_key}:{next(numbers)}")

    with (
        mock.patch.object(lifecycle, "succeeded", succeeded),
        mock.patch.object(receive, "open_envelope", never_seen_before),
    ):
        yield


def _fresh(reference: str, number: int) -> str:
    return reference if number == 0 else f"{reference}{number}"


@contextmanager
def trust_order() -> Iterator[None]:
    """Trust event order: the event that is heard last is taken for what happened last."""

    async def declined(connection: AsyncConnection, event: Event, _: Any, moment: Moment) -> bool:
        c = deposits.c
        intent_id = str(event.object.get("id"))
        changed = await connection.execute(
            update(deposits).where(c.payment_intent_id == intent_id).values(state="declined").returning(c.id)
        )
        return changed.first() is not None

    handlers: Mapping[str, Handler] = {
        **HANDLERS,
        "payment_intent.payment_failed": Handler("trusts that nothing happened since", declined),
    }
    with mock.patch.object(process, "HANDLERS", handlers):
        yield


@contextmanager
def credit_on_answer() -> Iterator[None]:
    """Credit on the API's answer: what Stripe takes on is taken for paid."""

    def credited(deposit: Deposit, payment_intent_id: str, *args: Any, **kwargs: Any) -> Step:
        return lifecycle.succeeded(deposit, payment_intent_id, deposit.amount, None)

    with (
        mock.patch.object(lifecycle, "processing", credited),
        mock.patch.object(lifecycle, "requires_action", credited),
    ):
        yield


BUGS: Mapping[str, Callable[[], Any]] = {
    "effect-twice": effect_twice,
    "trust-order": trust_order,
    "credit-on-answer": credit_on_answer,
}
