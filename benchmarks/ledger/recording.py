"""Our ledger: ``record`` in database transactions of 64 entries on several connections at once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.ground import Ground
from benchmarks.ledger.callers import rate as rate_of
from benchmarks.ledger.market import Market
from jobsphere.database import create_engine, in_own_transaction, reading
from jobsphere.ledger.posting import Entry, Verdict
from jobsphere.ledger.record import record
from jobsphere.reconciliation.audit import LEDGER_CHECKS, prove

ENTRIES_PER_TRANSACTION = 64
CONNECTIONS = 4
_WARM_UP_TRANSACTIONS = 8  # a connection settles on its query plans after five
_OPENING_ENTRIES_PER_TRANSACTION = 500
# What the checks after the run must find, within the accident of where it stopped.
_REFUSED_SHARE = (0.009, 0.011)


@in_own_transaction
async def _record(connection: AsyncConnection, entries: Sequence[Entry]) -> list[Verdict]:
    return await record(connection, entries)


@dataclass(slots=True)
class RecordedEntries:
    """A database with money in every wallet of ``market``, and what became of every entry."""

    engine: AsyncEngine
    market: Market
    entries_before: int
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    @classmethod
    async def prepared(cls, ground: Ground, database: str, market: Market) -> "RecordedEntries":
        """In a migrated database, whatever is in it already."""
        engine = create_engine(ground.url(database), pool_size=CONNECTIONS)
        async with reading(engine) as connection:
            before = (await connection.execute(text("SELECT count(*) FROM journal_entries"))).scalar_one()
        ledger = cls(engine, market, before)
        await ledger._open()
        await ground.tidy(database)
        await asyncio.gather(*(ledger._warm_up() for _ in range(CONNECTIONS)))
        return ledger

    async def breach(self) -> str | None:
        """Why the entries do not count, None when the books are proved and every verdict is accounted for."""
        proof = await prove(self.engine, now=datetime.now(UTC), checks=LEDGER_CHECKS)
        breaches = [breach for result in proof.results for breach in result.breaches]
        if breaches:
            return f"the books are not proved: {breaches[0]}"
        recorded, there = self.verdicts[Verdict.RECORDED], proof.covered["entries"] - self.entries_before
        if there != recorded:
            return f"{recorded} entries were reported as recorded, {there} are there"
        measured = self.verdicts.total() - self.market.wallets
        refused = self.verdicts[Verdict.INSUFFICIENT_FUNDS] / measured
        if not _REFUSED_SHARE[0] <= refused <= _REFUSED_SHARE[1]:
            return f"{refused:.1%} of the entries were refused instead of 1 %"
        return None

    async def close(self) -> None:
        await self.engine.dispose()

    async def rate(self, seconds: float) -> float:
        return await rate_of(self._post, callers=CONNECTIONS, seconds=seconds)

    async def _post(self) -> int:
        verdicts = await _record(self.engine, self.market.batch(ENTRIES_PER_TRANSACTION))
        self.verdicts.update(verdicts)
        return verdicts.count(Verdict.RECORDED)

    async def _open(self) -> None:
        opening = self.market.opening()
        while entries := list(islice(opening, _OPENING_ENTRIES_PER_TRANSACTION)):
            self.verdicts.update(await _record(self.engine, entries))

    async def _warm_up(self) -> None:
        for _ in range(_WARM_UP_TRANSACTIONS):
            await self._post()
