"""Send once: a call to Stripe that changes something happens at most once, however its answers are lost.

This is the only place that decides whether such a call is made again (ADR 13; stripe.md section 9). A kind of
call uses it in three steps, and may be stopped and begun again, by anybody, between any two of them:

1. In the database transaction that stores "this may be under way": ``calls.begin`` with a key built from a
   stored id and the number of the attempt (``withdrawal:<id>:transfer:1``), or ``calls.begin_attempt``, which
   counts them for you.
2. Outside of it: ``made = await once.send(engine, clock, Once(key, call, look_up))``.
3. In the database transaction that stores what follows: ``calls.succeeded`` with the object's id, or, after
   ``Refused``, ``calls.refused``. A refusal ends the attempt: a new try is a new attempt with a new key.
   After ``OutcomeUnknown`` and ``StripeMisconfigured`` nothing is stored: the same attempt is sent again later.

``call`` gives its object metadata that names what it is for; ``look_up`` finds it again by that.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import reading
from jobsphere.stripe_gateway import calls
from jobsphere.stripe_gateway.errors import OutcomeLost, OutcomeUnknown, Refused

# Stripe keeps keys for at least 24 hours: an hour less, so that a process that was suspended between looking
# at its clock and sending still meets the key.
RESEND_SECONDS_MAX = 23 * 60 * 60
# Only then nothing sent before can still be under way, and what is not there will not come.
ABSENCE_SECONDS_MIN = 24 * 60 * 60
# A look-up starts this much before the call was first made: Stripe's clock need not agree with ours.
_CLOCKS_DIFFER = timedelta(hours=1)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Once(Generic[Made]):
    """A call under a key that is committed. ``call`` uses that key and no other.

    ``look_up`` gets the moment since when the object may have been made. It lists Stripe's objects (it never
    searches: searching lags) by created range, transfer group, charge or payment intent, compares their metadata,
    and returns what the call made, whoever got the answer, or None when there is no such object.
    """

    key: str
    call: Callable[[], Awaitable[Made]]
    look_up: Callable[[datetime], Awaitable[Made | None]]


async def send(engine: AsyncEngine, clock: Clock, once: Once[Made]) -> Made:
    """What Stripe made under the key: now, or when the call was made before.

    Within 23 hours of the first time the call is made (again) under its key. It is never made after that, nor when
    Stripe has stored an error under the key: then what it made is looked up.

    Raises:
        Refused: it did not happen and never will under this key; with ``calls.NEVER_HAPPENED`` as its code if that
            is proven by what is not there.
        OutcomeUnknown: it may have happened; send the same again later. ``OutcomeLost`` when it will not be
            called again, and only a later look can tell.
        StripeMisconfigured: Stripe does not accept our key; a person must act, then send the same again.
    """
    async with reading(engine) as connection:
        first_sent = await calls.first_sent_at(connection, once.key)
    if clock.now() - first_sent >= timedelta(seconds=RESEND_SECONDS_MAX):
        return await _look_up(once, first_sent, is_over=_is_over(first_sent, clock.now()))
    try:
        return await once.call()
    except OutcomeUnknown as unknown:
        if not unknown.will_not_change:
            raise
    # Stripe is done with this key, and only a look tells what it did.
    return await _look_up(once, first_sent, is_over=True)


def _is_over(first_sent: datetime, now: datetime) -> bool:
    """Whether nothing that was sent under the key can still be under way."""
    return now - first_sent >= timedelta(seconds=ABSENCE_SECONDS_MIN)


async def _look_up(once: Once[Made], first_sent: datetime, *, is_over: bool) -> Made:
    try:
        made = await once.look_up(first_sent - _CLOCKS_DIFFER)
    except (Refused, OutcomeUnknown) as no_answer:
        # No answer to the question, or a refusal of it, says nothing of the call.
        raise OutcomeLost(no_answer.operation, f"cannot be looked up: {no_answer}") from no_answer
    if made is not None:
        return made
    if not is_over:
        raise OutcomeLost("look_up", "not there yet, and may still come")
    raise Refused("look_up", calls.NEVER_HAPPENED)
