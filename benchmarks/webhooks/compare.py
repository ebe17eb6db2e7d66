"""The rows about webhooks."""

from contextlib import ExitStack

from benchmarks.contest import Contestant, Outcome, Row, Say, absent, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.serving import SECRET, NotServed, constant_served, jobsphere_served
from benchmarks.webhooks.acknowledging import Acknowledged, Constant
from benchmarks.webhooks.deliveries import Sender
from benchmarks.webhooks.djstripe import DjStripe, djstripe_served

_DATABASE = "inbox"
_OURS = "POST /api/webhooks/stripe, 64 connections", "acknowledged"
_CONSTANT = "bare ASGI application, same uvicorn", "answers"
_DJSTRIPE = "dj-stripe's endpoint under gunicorn", "acknowledged"
_TO_CONSTANT = Row("webhooks acknowledged ÷ constant, 64 connections", _OURS[0], _CONSTANT[0], 0.33, 0.45)
_TO_DJSTRIPE = Row("webhooks acknowledged ÷ dj-stripe's endpoint", _OURS[0], _DJSTRIPE[0], 40, 60)


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Serve all, let them take turns, count what is stored."""
    say("starting jobsphere serve and its peers …")
    await ground.migrated(_DATABASE)
    rows = [_TO_CONSTANT, _TO_DJSTRIPE] if effort.foreign_peers else [_TO_CONSTANT]
    with ExitStack() as processes:
        peers = [_constant(ground, processes)]
        if effort.foreign_peers:
            peers.append(_djstripe(ground, processes))
        try:
            acknowledged = Acknowledged(
                processes.enter_context(jobsphere_served(ground, _DATABASE)), Sender(SECRET)
            )
        except NotServed as reason:
            return outcomes(rows, await take_turns([*peers, absent(*_OURS, str(reason))], effort, say))
        series = await take_turns([*peers, Contestant(*_OURS, acknowledged.rate)], effort, say)
        breach = await acknowledged.breach(ground.url(_DATABASE))
    return outcomes(rows, series, void=breach)


def _constant(ground: Ground, processes: ExitStack) -> Contestant:
    try:
        constant = Constant(processes.enter_context(constant_served(ground)), Sender(SECRET))
    except NotServed as reason:
        return absent(*_CONSTANT, str(reason))
    return Contestant(*_CONSTANT, constant.rate)


def _djstripe(ground: Ground, processes: ExitStack) -> Contestant:
    try:
        djstripe = DjStripe(ground, processes.enter_context(djstripe_served(ground)))
    except NotServed as reason:
        return absent(*_DJSTRIPE, str(reason))
    return Contestant(*_DJSTRIPE, djstripe.rate)
