"""The row about the worker."""

from benchmarks.books import unproved
from benchmarks.contest import Contestant, Outcome, Row, Say, Series, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.history.past import People, settle_down
from benchmarks.pgbench import Pgbench
from benchmarks.serving import NotServed, worker_running
from benchmarks.worker.settling import Settled

_DATABASE = "worker"
_PEOPLE = People(customers=5_000, contractors=1)
_OURS = "jobsphere worker, events out of a full inbox", "deposits"


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Let one worker and pgbench take turns, prove the books, count what was credited."""
    say("starting jobsphere worker …")
    pgbench = Pgbench(ground, effort.pgbench_scale, clients=8).contestant()
    row = Row("deposit events settled by one worker ÷ pgbench at 8 clients", _OURS[0], pgbench.name, 0.7, 1.5)
    await ground.migrated(_DATABASE)
    await settle_down(ground.owner_url(_DATABASE), _PEOPLE)
    settled = Settled(ground, _DATABASE, _PEOPLE)
    try:
        with worker_running(ground, _DATABASE):
            series = await take_turns([pgbench, Contestant(*_OURS, settled.rate)], effort, say)
        say("proving the books …")
        breach = await unproved(ground.url(_DATABASE)) or await settled.miscounted(settled.paid)
    except NotServed as reason:
        return [Outcome(row, Series(*_OURS), Series(pgbench.name, pgbench.unit), missing=str(reason))]
    finally:
        await settled.close()
    return outcomes([row], series, void=breach)
