"""The rows about the ledger."""

from benchmarks.contest import Contestant, Outcome, Row, Say, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.ledger.market import Market
from benchmarks.ledger.naive import NaiveLedger
from benchmarks.ledger.recording import RecordedEntries
from benchmarks.pgbench import Pgbench

_DATABASE = "ledger"


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Prepare all three, let them take turns, prove the books."""
    say("filling two ledgers …")
    pgbench = Pgbench(ground, effort.pgbench_scale, clients=64).contestant()
    naive = (await NaiveLedger.prepared(ground, accounts=effort.wallets)).contestant()
    await ground.migrated(_DATABASE)
    recorded = await RecordedEntries.prepared(ground, _DATABASE, Market(effort.wallets))
    try:
        ours = Contestant("ledger.record, 64 entries a database transaction", "entries", recorded.rate)
        series = await take_turns([pgbench, ours, naive], effort, say)
        say("proving the books …")
        breach = await recorded.breach()
    finally:
        await recorded.close()
    rows = [
        Row("ledger entries ÷ pgbench at 64 clients", ours.name, pgbench.name, at_least=3, aim=5),
        Row("ledger entries ÷ naive ORM ledger at 64 callers", ours.name, naive.name, at_least=30, aim=60),
    ]
    return outcomes(rows, series, void=breach)
