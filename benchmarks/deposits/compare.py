"""The row about deposits."""

from contextlib import ExitStack

from benchmarks.books import unproved
from benchmarks.contest import Contestant, Outcome, Row, Say, absent, outcomes, take_turns
from benchmarks.deposits.crediting import Credited
from benchmarks.deposits.guide import Guide, guide_served, make_tables
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.history.past import People, settle_down
from benchmarks.serving import NotServed, jobsphere_served, worker_running
from benchmarks.worker.settling import Settled

_DATABASE = "deposits"
_PEOPLE = People(customers=5_000, contractors=1)
_OURS = "jobsphere serve and worker, webhook to credited wallet", "deposits"
_GUIDE = "the guide's handler, webhook to credited wallet", "deposits"
_ROW = Row(
    "deposits from webhook to credited wallet ÷ the guide's handler", _OURS[0], _GUIDE[0], at_least=5, aim=10
)


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """The same events to both, over as many connections; count what was credited, prove the books."""
    if not effort.foreign_peers:
        return []
    say("starting jobsphere serve, jobsphere worker and the guide's handler …")
    await ground.migrated(_DATABASE)
    await settle_down(ground.owner_url(_DATABASE), _PEOPLE)
    settled = Settled(ground, _DATABASE, _PEOPLE)
    try:
        with ExitStack() as processes:
            guide = await _guide(ground, processes)
            try:
                port = processes.enter_context(jobsphere_served(ground, _DATABASE))
                processes.enter_context(worker_running(ground, _DATABASE))
            except NotServed as reason:
                return outcomes([_ROW], await take_turns([guide, absent(*_OURS, str(reason))], effort, say))
            credited = Credited(port, settled)
            series = await take_turns([guide, Contestant(*_OURS, credited.rate)], effort, say)
            say("proving the books …")
            breach = await unproved(ground.url(_DATABASE)) or await credited.miscounted()
    finally:
        await settled.close()
    return outcomes([_ROW], series, void=breach)


async def _guide(ground: Ground, processes: ExitStack) -> Contestant:
    await make_tables(ground)
    try:
        return Contestant(*_GUIDE, Guide(ground, processes.enter_context(guide_served(ground))).rate)
    except NotServed as reason:
        return absent(*_GUIDE, str(reason))
