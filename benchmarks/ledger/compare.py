"""The rows about the ledger."""

from benchmarks.contest import Outcome, Row, Say, outcomes, take_turns
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from benchmarks.ledger.naive import NaiveLedger
from benchmarks.ledger.recording import RecordedEntries
from benchmarks.pgbench import Pgbench


async def compare(ground: Ground, effort: Effort, say: Say) -> list[Outcome]:
    """Prepare all three, let them take turns, prove the books."""
    say("filling two ledgers …")
    pgbench = Pgbench(ground, effort.pgbench_scale, clients=64).contestant()
    naive = (await NaiveLedger.prepared(ground, accounts=effort.wallets)).contestant()
    recorded = await RecordedEntries.prepared(ground, wallets=effort.wallets)
    try:
        ours = recorded.contestant()
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
