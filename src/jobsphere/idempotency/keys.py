"""Take a key, keep the answer given under it, find it again; in the database transaction of the deed itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import RunAgain
from jobsphere.idempotency.tables import idempotency_keys
from jobsphere.rows import arrays, rows_of

KEPT = timedelta(days=30)

# LATERAL, so that each key is looked up by the index, whatever PostgreSQL knows of the table yet.
_CLAIM = text(
    """
    SELECT pg_try_advisory_xact_lock(hashtextextended(asked.name, 0)) AS is_ours,
           stored.body_sha256, stored.answer_status, stored.answer_body
    FROM unnest(:names, :user_ids, :routes, :keys) WITH ORDINALITY AS asked (name, user_id, route, key, place)
    LEFT JOIN LATERAL (
        SELECT * FROM idempotency_keys AS k
        WHERE k.user_id = asked.user_id AND k.route = asked.route AND k.key = asked.key
        OFFSET 0
    ) AS stored ON true
    ORDER BY asked.place
    """
).bindparams(
    *(bindparam(name, type_=ARRAY(TEXT)) for name in ("names", "routes", "keys")),
    bindparam("user_ids", type_=ARRAY(Uuid)),
)
_NAMES = ("user_id", "route", "key", "body_sha256", "answer_status", "answer_body", "created_at")
_KEEP = (
    insert(idempotency_keys)
    .from_select(_NAMES, select(rows_of(idempotency_keys, *_NAMES)))
    .on_conflict_do_nothing(index_elements=["user_id", "route", "key"])
    .returning(idempotency_keys.c.user_id)
)


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


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A key, and a digest of the body that came with it."""

    key: KeyReference
    body_sha256: bytes


async def claim(
    connection: AsyncConnection, asked: Sequence[KeyedRequest]
) -> list[StoredAnswer | IdempotencyKeyInUse | IdempotencyKeyReused | None]:
    """Take the keys, each named once, until the end of the database transaction.

    For each, in their order: the answer stored under it, None when there is none yet, or why it cannot be had:
    somebody else has it now, or it was used with another body.
    """
    # Not waited for: the unique key would make a second request stand still until the first is done.
    rows = await connection.execute(
        _CLAIM,
        {
            "names": [f"idempotency:{one.key.user_id}:{one.key.route}:{one.key.key}" for one in asked],
            "user_ids": [one.key.user_id for one in asked],
            "routes": [one.key.route for one in asked],
            "keys": [one.key.key for one in asked],
        },
    )
    return [_claimed(row, one) for row, one in zip(rows, asked, strict=True)]


def _claimed(
    row: Row[Any], asked: KeyedRequest
) -> StoredAnswer | IdempotencyKeyInUse | IdempotencyKeyReused | None:
    if not row.is_ours:
        return IdempotencyKeyInUse()
    if row.answer_status is None:
        return None
    if row.body_sha256 != asked.body_sha256:
        return IdempotencyKeyReused()
    return StoredAnswer(row.answer_status, row.answer_body)


async def keep(
    connection: AsyncConnection, given: Sequence[tuple[KeyedRequest, StoredAnswer]], *, now: datetime
) -> None:
    """Give these answers, at least one, to who repeats the request, from the moment this is committed.

    Raises:
        RunAgain: somebody committed an answer after ``claim`` had looked and before it had the lock.
    """
    rows = [
        {
            "user_id": asked.key.user_id,
            "route": asked.key.route,
            "key": asked.key.key,
            "body_sha256": asked.body_sha256,
            "answer_status": answer.status,
            "answer_body": answer.text,
            "created_at": now,
        }
        for asked, answer in given
    ]
    kept = (await connection.execute(_KEEP, arrays(rows))).all()
    if len(kept) < len(rows):
        raise RunAgain("an answer was stored by somebody else meanwhile")


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
