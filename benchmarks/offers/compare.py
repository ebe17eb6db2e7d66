"""The row about offers."""

from benchmarks.books import unproved
from benchmarks.contest import Contestant, Outcome, Row, Say, Series, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.history.past import People, live_through, post_jobs, settle_down
from benchmarks.offers.sending import JOBS, SentOffers
from benchmarks.pgbench import Pgbench
from benchmarks.serving import NotServed, jobsphere_served

_DATABASE = "offers"
_PEOPLE = People(customers=2_000, contractors=200)
_OURS = "POST /api/offers, 64 connections", "offers"


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Let customers with money send offers, in turns with pgbench; prove the books, count what was stored."""
    say("filling wallets, starting jobsphere serve …")
    pgbench = Pgbench(ground, effort.pgbench_scale, clients=64).contestant()
    row = Row("POST offer over HTTP ÷ pgbench at 64 clients", _OURS[0], pgbench.name, at_least=0.15, aim=0.5)
    await ground.migrated(_DATABASE)
    await fill(ground, _DATABASE, _PEOPLE)
    await ground.tidy(_DATABASE)
    try:
        with jobsphere_served(ground, _DATABASE) as port:
            sent = SentOffers(port, _PEOPLE)
            series = await take_turns([pgbench, Contestant(*_OURS, sent.rate)], effort, say)
            say("proving the books …")
            url = ground.url(_DATABASE)
            breach = await unproved(url) or await sent.miscounted(url)
    except NotServed as reason:
        return [Outcome(row, Series(*_OURS), Series(pgbench.name, pgbench.unit), missing=str(reason))]
    return outcomes([row], series, void=breach)


async def fill(ground: Ground, database: str, people: People) -> None:
    """Let every customer have money, which a deal left over, and open jobs."""
    await settle_down(ground.owner_url(database), people)
    await live_through(ground, database, people, first=1, last=people.customers)
    await post_jobs(ground.owner_url(database), people, first=1, last=JOBS)
