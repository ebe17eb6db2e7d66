"""How long Stripe waits for an answer when the endpoint is half as busy as it can be."""

from statistics import quantiles

from benchmarks.contest import CannotMeasure, Say
from benchmarks.effort import Effort
from benchmarks.figure import Figure
from benchmarks.ground import Ground
from benchmarks.load import deliver_evenly
from benchmarks.serving import SECRET, NotServed, jobsphere_served
from benchmarks.webhooks.acknowledging import Acknowledged
from benchmarks.webhooks.deliveries import Sender

_DATABASE = "promptness"
_TITLE = "acknowledgement at half of its maximum rate, 99 of 100 within"


async def promptness(ground: Ground, effort: Effort, say: Say) -> list[Figure]:
    """First its maximum at 64 connections, then events that come at fixed times, half as many."""
    say("measuring how soon events are acknowledged …")
    await ground.migrated(_DATABASE)
    try:
        with jobsphere_served(ground, _DATABASE) as port:
            acknowledged = Acknowledged(port, Sender(SECRET))
            rate = await acknowledged.rate(effort.seconds) / 2
            seconds = 2 * effort.seconds
            deliveries = acknowledged.sender.deliveries(round(rate * seconds) + 1)
            waited, event_ids = await deliver_evenly(port, deliveries, per_second=rate, seconds=seconds)
            acknowledged.event_ids.update(event_ids)
            breach = await acknowledged.breach(ground.url(_DATABASE))
    except (NotServed, CannotMeasure) as reason:
        return [Figure(_TITLE, "ms", 50, missing=str(reason))]
    title = f"{_TITLE} ({rate:,.0f}/s)"
    return [Figure(title, "ms", 50, quantiles(waited, n=100)[98] * 1000, missing=breach)]
