"""Take a key, keep the answer given under it, find it again; in the database transaction of the deed itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.idempotency.tables import idempotency_keys

KEPT = timedelta(days=30)


class IdempotencyKeyReused(Exception):
    """The key stands for a request with another body."""


class IdempotencyKeyInUse(Exception):
    """Another request with this key is running at this moment."""


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Whose key, on which method and path; two paths never share an answer."""

    user_id: UUID
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A status and the exact text of a body."""

    status: int
    text: str


async def claim(connection: AsyncConnection, key: KeyReference, body_sha256: bytes) -> StoredAnswer | None:
    """Take the key until the end of the database transaction; returns the answer stored under it.

    Raises:
        IdempotencyKeyInUse: somebody else has it now.
        IdempotencyKeyReused: it was used with another body.
    """
    # Not waited for: the unique key would make a second request stand still until the first is done.
    name = f"idempotency:{key.user_id}:{key.route}:{key.key}"
    if not await connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise IdempotencyKeyInUse
    c = idempotency_keys.c
    rows = await connection.execute(select(c.body_sha256, c.answer_status, c.answer_body).where(*_is(key)))
    row = rows.one_or_none()
    if row is None:
        return None
    if row.body_sha256 != body_sha256:
        raise IdempotencyKeyReused
    return StoredAnswer(row.answer_status, row.answer_body)


async def keep(
    connection: AsyncConnection, key: KeyReference, body_sha256: bytes, answer: StoredAnswer, *, now: datetime
) -> None:
    """Give ``answer`` to who repeats the request, from the moment this is committed."""
    await connection.execute(
        insert(idempotency_keys).values(
            user_id=key.user_id,
            route=key.route,
            key=key.key,
            body_sha256=body_sha256,
            answer_status=answer.status,
            answer_body=answer.text,
            created_at=now,
        )
    )


async def replace(connection: AsyncConnection, key: KeyReference, answer: StoredAnswer) -> None:
    """From now on give this answer instead."""
    await connection.execute(
        update(idempotency_keys).where(*_is(key)).values(answer_status=answer.status, answer_body=answer.text)
    )


async def delete_expired(connection: AsyncConnection, now: datetime) -> int:
    """Forget the answers that have been kept for 30 days; returns how many."""
    result = await connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < now - KEPT))
    return result.rowcount


def _is(key: KeyReference) -> tuple[Any, ...]:
    c = idempotency_keys.c
    return (c.user_id == key.user_id, c.route == key.route, c.key == key.key)
