"""The row about webhooks."""

from benchmarks.contest import Contestant, Outcome, Row, Say, Series, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.serving import SECRET, NotServed, constant_served, jobsphere_served
from benchmarks.webhooks.acknowledging import Acknowledged, Constant
from benchmarks.webhooks.deliveries import Sender

_DATABASE = "inbox"
_OURS = "POST /api/webhooks/stripe, 64 connections", "acknowledged"
_CONSTANT = "bare ASGI application, same uvicorn", "answers"
_ROW = Row("webhooks acknowledged ÷ constant, 64 connections", _OURS[0], _CONSTANT[0], at_least=0.33, aim=0.45)


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Serve both, let them take turns, count what is stored."""
    say("starting jobsphere serve and the constant …")
    await ground.migrated(_DATABASE)
    try:
        with jobsphere_served(ground, _DATABASE) as our_port, constant_served(ground) as constant_port:
            acknowledged = Acknowledged(our_port, Sender(SECRET))
            constant = Constant(constant_port, Sender(SECRET))
            contestants = [Contestant(*_CONSTANT, constant.rate), Contestant(*_OURS, acknowledged.rate)]
            series = await take_turns(contestants, effort, say)
            breach = await acknowledged.breach(ground.url(_DATABASE))
    except NotServed as reason:
        return [Outcome(_ROW, Series(*_OURS), Series(*_CONSTANT), missing=str(reason))]
    return outcomes([_ROW], series, void=breach)
