"""The rows about growth, and what ``jobsphere check`` needs for a million entries."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from benchmarks.books import unproved
from benchmarks.contest import Contestant, Outcome, Row, Say, Series, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.figure import Figure
from benchmarks.ground import Ground
from benchmarks.growth.checking import checking
from benchmarks.growth.pasts import PEOPLE, Past, make_pasts
from benchmarks.ledger.market import Market
from benchmarks.ledger.recording import RecordedEntries
from benchmarks.offers.sending import SentOffers
from benchmarks.serving import SECRET, NotServed, jobsphere_served, worker_running
from benchmarks.webhooks.acknowledging import Acknowledged
from benchmarks.webhooks.deliveries import Sender
from benchmarks.worker.settling import Settled

# Those that the worker was given before have smaller numbers.
_FIRST_EVENT = 10_000_000
_AT_LEAST, _AIM = 0.85, 0.95

# Takes part in ``past``: how to run, and how to tell afterwards why that does not count.
Taking = tuple[Callable[[float], Awaitable[float]], Callable[[], Awaitable[str | None]]]
Enter = Callable[[Ground, Past, AsyncExitStack], Awaitable[Taking]]


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome | Figure]:
    """Each of ours in turns on all pasts. Entries that are no deeds of JobSphere's come last, after the proof."""
    shorter = replace(effort, rounds=3)
    pasts = await make_pasts(ground, effort.past_deals, say)
    say("proving the books …")
    figures = await checking(ground, pasts[1])
    found: list[Outcome | Figure] = [*figures]
    for what, unit, enter in _MEASURES:
        found.extend(await _compared(ground, pasts, what, unit, enter, shorter, say))
        if enter is _offers:
            say("proving the books …")
            breaches = [breach for past in pasts if (breach := await unproved(ground.url(past.database)))]
            # Deposits and offers are deeds of JobSphere's, which all laws bind.
            found = [_void(one, breaches[0]) for one in found] if breaches else found
    for past in pasts:
        ground.drop(past.database)
    return found


def _void(one: Outcome | Figure, breach: str) -> Outcome | Figure:
    return replace(one, ratios=(), missing=breach) if isinstance(one, Outcome) else one


async def _compared(
    ground: Ground, pasts: Sequence[Past], what: str, unit: str, enter: Enter, effort: Effort, say: Say
) -> list[Outcome]:
    names = [f"{what}, {past.postings}" for past in pasts]
    rows = [
        Row(f"{what} with {past.postings} ÷ nearly empty", name, names[0], _AT_LEAST, _AIM)
        for past, name in zip(pasts[1:], names[1:], strict=True)
    ]
    async with AsyncExitStack() as stack:
        try:
            taking = [await enter(ground, past, stack) for past in pasts]
        except NotServed as reason:
            return [
                Outcome(row, Series(row.ours, unit), Series(row.peer, unit), missing=str(reason)) for row in rows
            ]
        contestants = [Contestant(name, unit, run) for name, (run, _) in zip(names, taking, strict=True)]
        series = await take_turns(contestants, effort, say)
        breaches = [breach for _, tell in taking if (breach := await tell())]
    return outcomes(rows, series, void=breaches[0] if breaches else None)


async def _worker(ground: Ground, past: Past, stack: AsyncExitStack) -> Taking:
    settled = Settled(ground, past.database, PEOPLE)
    stack.push_async_callback(settled.close)
    stack.enter_context(worker_running(ground, past.database))
    return settled.rate, lambda: settled.miscounted(settled.paid)


async def _offers(ground: Ground, past: Past, stack: AsyncExitStack) -> Taking:
    sent = SentOffers(stack.enter_context(jobsphere_served(ground, past.database)), PEOPLE)
    return sent.rate, lambda: sent.miscounted(ground.url(past.database))


async def _webhooks(ground: Ground, past: Past, stack: AsyncExitStack) -> Taking:
    port = stack.enter_context(jobsphere_served(ground, past.database))
    acknowledged = Acknowledged(port, Sender(SECRET, sent=_FIRST_EVENT))
    await acknowledged.look(ground.url(past.database))
    return acknowledged.rate, lambda: acknowledged.breach(ground.url(past.database))


async def _ledger(ground: Ground, past: Past, stack: AsyncExitStack) -> Taking:
    recorded = await RecordedEntries.prepared(ground, past.database, Market(PEOPLE.customers, PEOPLE))
    stack.push_async_callback(recorded.close)
    return recorded.rate, recorded.breach


_MEASURES: Sequence[tuple[str, str, Enter]] = (
    ("deposit events settled", "deposits", _worker),
    ("POST offer", "offers", _offers),
    ("webhooks acknowledged", "acknowledged", _webhooks),
    ("ledger entries", "entries", _ledger),
)
