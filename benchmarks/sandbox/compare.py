"""The row about the sandbox."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.contest import Contestant, Outcome, Row, Say, Series, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.sandbox.payments import Paid
from benchmarks.serving import SECRET, NotServed, constant_served, started
from benchmarks.webhooks.acknowledging import Constant
from benchmarks.webhooks.deliveries import Sender

_OURS = "stripe-sandbox, PaymentIntent create + confirm", "payments"
_CONSTANT = "bare ASGI application, same uvicorn, again", "answers"
_ROW = Row("sandbox payments ÷ constant, 64 connections", _OURS[0], _CONSTANT[0], at_least=0.05, aim=0.1)


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Serve both, let them take turns, hold the balance against the answers."""
    say("starting the sandbox and the constant …")
    try:
        with _sandbox_served(ground) as our_port, constant_served(ground) as constant_port:
            constant = Constant(constant_port, Sender(SECRET))
            contestants = [Contestant(*_CONSTANT, constant.rate), Contestant(*_OURS, Paid(our_port).rate)]
            series = await take_turns(contestants, effort, say)
    except NotServed as reason:
        return [Outcome(_ROW, Series(*_OURS), Series(*_CONSTANT), missing=str(reason))]
    return outcomes([_ROW], series)


@contextmanager
def _sandbox_served(ground: Ground) -> Iterator[int]:
    """``stripe-sandbox serve`` without a state file and without anybody who listens to its events."""
    command = [sys.executable, "-m", "stripe_sandbox", "serve", "--port", "0"]
    with started(
        command, {}, ground.home, ground.home / "sandbox.log", r'"url": "http://\S+:([0-9]+)"'
    ) as running:
        yield running.port
