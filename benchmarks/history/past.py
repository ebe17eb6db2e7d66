"""Writes a past into a migrated database, quickly, and so that every law of the books holds."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg  # type: ignore[import-untyped, unused-ignore]

from benchmarks.ground import Ground

POSTINGS_PER_DEAL = 6
ENTRIES_PER_DEAL = 5
_DEALS_PER_TRANSACTION = 10_000
_HERE = Path(__file__).parent


def customer_id(number: int) -> UUID:
    """Of the customers from 1."""
    return past_id(0x8001, number)


def customer_wallet_id(number: int) -> UUID:
    """The wallet of that customer."""
    return past_id(0x8002, number)


def contractor_id(number: int) -> UUID:
    """Of the contractors from 1."""
    return past_id(0x8003, number)


def contractor_wallet_id(number: int) -> UUID:
    """The wallet of that contractor."""
    return past_id(0x8004, number)


def deposit_id(number: int) -> UUID:
    """A deposit of ``pay``; its PaymentIntent has the same number."""
    return past_id(0x8201, number)


def job_id(number: int) -> UUID:
    """A job of ``post_jobs``."""
    return past_id(0x8202, number)


def past_id(kind: int, number: int) -> UUID:
    """The same as ``history_id`` in functions.sql: the ids of one kind sort by their number."""
    return UUID(f"00000000-0000-7000-{kind:04x}-{number:012x}")


@dataclass(frozen=True, slots=True)
class People:
    """How many there are."""

    customers: int
    contractors: int

    def poster(self, job: int) -> int:
        """The customer who posted the job of that number."""
        return 1 + job % self.customers


async def settle_down(owner_url: str, people: People) -> None:
    """Let them be there, each with an empty wallet."""
    async with connected(owner_url) as connection:
        await _run(connection, {}, "functions.sql")
        await _run(connection, {}, "no_stripe.sql")
        await _run(connection, _settings(people), "people.sql")


async def live_through(ground: Ground, database: str, people: People, *, first: int, last: int) -> None:
    """Let the deals of these numbers have happened, all rows of them in the tables.

    The rows of the ledger go through its triggers. Foreign keys are not looked at, which halves the time.
    """

    async def write(file: str) -> None:
        async with connected(ground.superuser_url(database)) as connection:
            await connection.execute("SET session_replication_role = replica")
            for start in range(first, last + 1, _DEALS_PER_TRANSACTION):
                end = min(last, start + _DEALS_PER_TRANSACTION - 1)
                settings = _settings(people) | {"first": start, "last": end}
                await _run(connection, settings, "deals.sql", file)

    # Each on its own connection, and so on its own core; they touch no row in common.
    await asyncio.gather(write("deeds.sql"), write("entries.sql"))


async def post_jobs(owner_url: str, people: People, *, first: int, last: int) -> None:
    """Let there be open jobs of these numbers; ``People.poster`` says whose."""
    async with connected(owner_url) as connection:
        await _run(connection, _settings(people) | {"first": first, "last": last}, "jobs.sql")


async def pay(owner_url: str, people: People, *, first: int, last: int) -> None:
    """Let cards be charged for the deposits of these numbers; their events are still to come."""
    async with connected(owner_url) as connection:
        await _run(connection, _settings(people) | {"first": first, "last": last}, "paid.sql")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """With as much time as it takes."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), command_timeout=None)
    try:
        yield connection
    finally:
        await connection.close()


def _settings(people: People) -> dict[str, int]:
    return {"customers": people.customers, "contractors": people.contractors}


async def _run(connection: asyncpg.Connection, settings: Mapping[str, int], *files: str) -> None:
    async with connection.transaction():
        for name, value in settings.items():
            await connection.execute("SELECT set_config($1, $2, true)", f"history.{name}", str(value))
        for file in files:
            await connection.execute((_HERE / file).read_text())
