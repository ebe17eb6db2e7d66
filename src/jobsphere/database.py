"""Database transactions: named, retried as a whole, with a crash point on each side of COMMIT."""

import asyncio
import functools
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from jobsphere import crash_points

P = ParamSpec("P")
T = TypeVar("T")

TRIES_MAX = 5
_RUN_AGAIN = frozenset({"40001", "40P01"})  # serialization failure, deadlock
_LOCK_NOT_AVAILABLE = "55P03"
# Classes of SQLSTATE with which PostgreSQL says that the database transaction was rolled back:
# a constraint checked at COMMIT, a serialization failure, a lock timeout.
_DEFINITELY_ROLLED_BACK = ("23", "40", "55")

# What has no place among reads. A read is no database transaction that PostgreSQL would refuse it in.
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE)\b", re.IGNORECASE)
_READING = "jobsphere_reading"

_open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)


class RunAgain(Exception):
    """Raised by work that saw another database transaction overtake it: run it again from the start."""


class CommitOutcomeUnknown(Exception):
    """The connection broke during COMMIT: the work may be stored or not; read it back by its key."""


class Busy(Exception):
    """Somebody else held a lock for too long; nothing was changed."""


class WriteWhileReading(Exception):
    """A statement that writes or locks, where only reading was said; a mistake of its author."""


class TransactionAlreadyOpen(Exception):
    """A database transaction, or a call to the network, was begun inside another one."""


def open_transaction_name() -> str | None:
    """The database transaction open in this task, if any."""
    return _open_transaction.get()


def create_engine(url: str, *, pool_size: int = 20, application_name: str = "jobsphere") -> AsyncEngine:
    """Connect lazily to PostgreSQL with the time limits every session of ours has."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=False,
        # Statements' parameters are people's data: they stay out of exceptions and logs.
        hide_parameters=True,
        connect_args={
            "timeout": 5,
            "server_settings": {
                "application_name": application_name,
                "timezone": "UTC",
                "lock_timeout": "3s",
                "statement_timeout": "10s",
                "idle_in_transaction_session_timeout": "15s",
            },
        },
    )
    event.listen(engine.sync_engine, "before_cursor_execute", _refuse_write_while_reading)
    return engine


def _refuse_write_while_reading(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if connection.get_execution_options().get(_READING) and _writes(statement):
        raise WriteWhileReading(statement)


@functools.lru_cache(maxsize=1000)
def _writes(statement: str) -> bool:
    return _WRITES.search(statement) is not None


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of an error, None when it did not come from PostgreSQL."""
    if not isinstance(error, DBAPIError):
        return None
    code = getattr(error.orig, "sqlstate", None)
    return code if isinstance(code, str) else None


def violated_constraint(error: BaseException) -> str | None:
    """The name of the constraint that refused, None for any other error."""
    cause = getattr(getattr(error, "orig", None), "__cause__", None)
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None


class DatabaseTransaction:
    """One kind of database transaction, known by its name; make it once, at import."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._before = f"commit:{name}:before"
        self._after = f"commit:{name}:after"
        crash_points.declare((self._before, self._after))

    async def run(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do ``work`` in a database transaction of its own and commit it.

        The whole of ``work`` is run again after a deadlock or a serialization failure, so it must
        have no effect but on the database, and take its time and ids as arguments.

        Raises:
            Busy: a lock was not to be had within 3 seconds; nothing was changed.
            CommitOutcomeUnknown: the connection broke while committing.
            TransactionAlreadyOpen: this task has one open already.
        """
        for tries in range(1, TRIES_MAX + 1):
            try:
                return await self._once(engine, work)
            except RunAgain:
                if tries == TRIES_MAX:
                    raise
            except DBAPIError as error:
                if sqlstate(error) == _LOCK_NOT_AVAILABLE:
                    raise Busy(self.name) from error
                if sqlstate(error) not in _RUN_AGAIN or tries == TRIES_MAX:
                    raise
            await asyncio.sleep(random.uniform(0.001, 0.01) * 2**tries)  # noqa: S311 - only spreads retries
        raise AssertionError("the loop returns or raises")

    async def run_statement(self, engine: AsyncEngine, statement: str, *arguments: object) -> Sequence[Any]:
        """Let ``statement`` ($1, $2 …) be the whole database transaction; returns the first column of its rows.

        It goes to the driver at once, which takes a third of the time that ``run`` does. If it fails, ``run``
        does it once more and says why, so it must have no further effect when it is done already.

        Raises:
            Everything that ``run`` does.
        """
        if _open_transaction.get() is not None:
            raise TransactionAlreadyOpen(f"{self.name} inside {_open_transaction.get()}")
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            crash_points.reached(self._before)
            try:
                rows = await driver.fetch(statement, *arguments)
            except Exception:  # SQLAlchemy knows what it means, and has a new connection if we need one
                await connection.invalidate()
            else:
                crash_points.reached(self._after)
                return [row[0] for row in rows]

        async def once_more(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.exec_driver_sql(statement, arguments)).scalars().all()

        return await self.run(engine, once_more)

    async def _once(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        if _open_transaction.get() is not None:
            raise TransactionAlreadyOpen(f"{self.name} inside {_open_transaction.get()}")
        async with engine.connect() as connection:
            transaction = await connection.begin()
            token = _open_transaction.set(self.name)
            try:
                result = await work(connection)
            finally:
                _open_transaction.reset(token)
            crash_points.reached(self._before)
            try:
                await transaction.commit()
            except DBAPIError as error:
                if (sqlstate(error) or "").startswith(_DEFINITELY_ROLLED_BACK):
                    raise
                raise CommitOutcomeUnknown(self.name) from error
            except OSError as error:
                raise CommitOutcomeUnknown(self.name) from error
            crash_points.reached(self._after)
            return result


def in_own_transaction(
    work: Callable[Concatenate[AsyncConnection, P], Awaitable[T]],
) -> Callable[Concatenate[AsyncEngine, P], Awaitable[T]]:
    """Give a function that works on a ``connection`` a database transaction of its own.

    The decorated function takes an ``engine`` where ``work`` takes a ``connection``. The name of the
    database transaction is the module's and the function's: ``deposits.start.store``.
    """
    name = f"{work.__module__.removeprefix('jobsphere.')}.{work.__name__.strip('_')}"
    transaction = DatabaseTransaction(name)

    @functools.wraps(work)
    async def run(engine: AsyncEngine, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await transaction.run(engine, lambda connection: work(connection, *args, **kwargs))

    return run


@asynccontextmanager
async def reading(engine: AsyncEngine, *, one_snapshot: bool = False) -> AsyncIterator[AsyncConnection]:
    """A connection to read with; with ``one_snapshot`` all its statements see the same moment.

    Else each sees what is committed when it begins, and there is no database transaction around them: to begin
    and end one would cost two round trips, and in it they would see nothing else.

    Raises:
        WriteWhileReading: a statement is no read; in one snapshot PostgreSQL refuses it.
    """
    if _open_transaction.get() is not None:
        raise TransactionAlreadyOpen(f"reading inside {_open_transaction.get()}")
    level = "REPEATABLE READ" if one_snapshot else "AUTOCOMMIT"
    async with engine.connect() as connection:
        await connection.execution_options(
            isolation_level=level, postgresql_readonly=one_snapshot, **{_READING: not one_snapshot}
        )
        token = _open_transaction.set("reading")
        try:
            yield connection
        finally:
            _open_transaction.reset(token)


@asynccontextmanager
async def listening(
    engine: AsyncEngine, channel: str, *, heard: Callable[[], None], lost: Callable[[], None]
) -> AsyncIterator[None]:
    """Call ``heard`` whenever a database transaction that notifies ``channel`` is committed, anywhere.

    It takes a connection of its own; ``lost`` is called when that is gone, and then nothing is heard any more.
    """
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        try:
            driver.add_termination_listener(lambda _connection: lost())
            await driver.add_listener(channel, lambda *_: heard())
            yield
        finally:
            # Nobody else shall get a connection that listens.
            await connection.invalidate()
