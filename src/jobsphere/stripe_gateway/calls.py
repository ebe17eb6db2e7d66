"""Every key that was ever sent to Stripe, and the outcome of its call; ``once.py`` says how they are used.

A key is built from a stored id and an attempt number.
"""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.stripe_gateway.tables import stripe_calls

# Our own word, in place of Stripe's, for a call that a look at its objects proves was never carried out.
NEVER_HAPPENED = "never_happened"


async def begin(connection: AsyncConnection, key: str, *, now: datetime) -> None:
    """Keep that a call with this key may be made from now on. Commit before making it."""
    await connection.execute(
        insert(stripe_calls).values(key=key, first_sent_at=now).on_conflict_do_nothing(index_elements=["key"])
    )


async def begin_attempt(connection: AsyncConnection, name: str, *, now: datetime) -> str:
    """The key of the present attempt at ``name``: the first, or the one after those that did not happen."""
    ended = select(func.count()).where(
        stripe_calls.c.key.startswith(f"{name}:", autoescape=True), stripe_calls.c.refusal.is_not(None)
    )
    key = f"{name}:{(await connection.execute(ended)).scalar_one() + 1}"
    await begin(connection, key, now=now)
    return key


async def succeeded(connection: AsyncConnection, key: str, *, object_id: str, now: datetime) -> None:
    """Stripe made (or had made) the object."""
    await _finish(connection, key, now=now, object_id=object_id)


async def refused(connection: AsyncConnection, key: str, *, code: str | None, now: datetime) -> None:
    """Stripe refused for good; a new try is a new attempt with a new key."""
    await _finish(connection, key, now=now, refusal=code or "unspecified")


async def first_sent_at(connection: AsyncConnection, key: str) -> datetime:
    """When the call with this key may have been made for the first time."""
    query = select(stripe_calls.c.first_sent_at).where(stripe_calls.c.key == key)
    moment: datetime = (await connection.execute(query)).scalar_one()
    return moment


async def _finish(
    connection: AsyncConnection,
    key: str,
    *,
    now: datetime,
    object_id: str | None = None,
    refusal: str | None = None,
) -> None:
    await connection.execute(
        update(stripe_calls)
        .where(stripe_calls.c.key == key, stripe_calls.c.finished_at.is_(None))
        .values(finished_at=now, object_id=object_id, refusal=refusal)
    )
