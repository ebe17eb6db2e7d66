"""The ledger one writes first: an ORM, one entry a database transaction, both accounts locked."""

import asyncio
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, ForeignKey, Identity, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from benchmarks.contest import Contestant
from benchmarks.ground import Ground
from benchmarks.ledger.callers import rate

CALLERS = 64
_WARM_UP_ENTRIES = 6  # as many as make a connection settle on its query plans
_DATABASE = "naive"


class _Base(DeclarativeBase):
    pass


class NaiveAccount(_Base):
    """An account with its balance in the row."""

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    balance_minor: Mapped[int] = mapped_column(BigInteger)


class NaiveLine(_Base):
    """One side of an entry."""

    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entries.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)


class NaiveEntry(_Base):
    """A movement between two accounts."""

    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    lines: Mapped[list[NaiveLine]] = relationship()


@dataclass(slots=True)
class NaiveLedger:
    """It has less to do than ours: one movement an entry, no account that all share, no refusals."""

    url: str
    accounts: int
    chance: random.Random = field(default_factory=lambda: random.Random(2))  # noqa: S311 - repeatable on purpose
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    async def prepared(cls, ground: Ground, *, accounts: int) -> "NaiveLedger":
        ground.prepare(_DATABASE)
        url = ground.owner_url(_DATABASE)
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.run_sync(_Base.metadata.create_all)
            fill = text("INSERT INTO accounts SELECT id, 1000000000 FROM generate_series(1, :accounts) AS id")
            await connection.execute(fill, {"accounts": accounts})
            await connection.execute(text("ANALYZE"))
        await engine.dispose()
        return cls(url, accounts)

    def contestant(self) -> Contestant:
        return Contestant("naive ORM ledger, 64 callers", "entries", self._rate)

    async def _rate(self, seconds: float) -> float:
        # Not kept open: 64 connections here and 64 of pgbench are more than the server takes.
        engine = create_async_engine(self.url, pool_size=CALLERS, max_overflow=0)
        try:
            await asyncio.gather(*(self._warm_up(engine) for _ in range(CALLERS)))
            return await rate(lambda: self._post(engine), callers=CALLERS, seconds=seconds)
        finally:
            await engine.dispose()

    async def _warm_up(self, engine: AsyncEngine) -> None:
        for _ in range(_WARM_UP_ENTRIES):
            await self._post(engine)

    async def _post(self, engine: AsyncEngine) -> int:
        source, target = self.chance.sample(range(1, self.accounts + 1), 2)
        amount_minor = self.chance.randrange(1, 100)
        both = select(NaiveAccount).where(NaiveAccount.id.in_((source, target))).order_by(NaiveAccount.id)
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            accounts = {account.id: account for account in await session.scalars(both.with_for_update())}
            if accounts[source].balance_minor < amount_minor:
                return 0
            accounts[source].balance_minor -= amount_minor
            accounts[target].balance_minor += amount_minor
            lines = [
                NaiveLine(account_id=source, amount_minor=-amount_minor),
                NaiveLine(account_id=target, amount_minor=amount_minor),
            ]
            session.add(NaiveEntry(reference=f"entry:{next(self.numbers)}", lines=lines))
        return 1
