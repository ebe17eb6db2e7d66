"""``Idempotency-Key``: a POST that moves money, sent twice, moves it once and is answered the same."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import DatabaseTransaction, in_own_transaction
from jobsphere.identity.people import User
from jobsphere.web.answers import Answer
from jobsphere.web.context import Context
from jobsphere.web.tables import idempotency_keys

KEPT = timedelta(days=30)
_VALID_KEY = re.compile("[!-~]{1,255}")

# What a route that takes the header passes as ``openapi_extra``.
DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "A key of your own for this attempt, kept 30 days: repeating the request with "
            "it gives the first answer again and moves no money twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }
    ]
}


class InvalidIdempotencyKey(Exception):
    """The header is not one value of 1 to 255 visible ASCII characters."""


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
class Outcome:
    """The verb's answer; ``replayed`` when it was given earlier; ``key`` when the client sent one."""

    answer: Answer
    replayed: bool
    key: KeyReference | None

    def response(self) -> JSONResponse:
        return self.answer.response({"Idempotent-Replayed": "true"} if self.replayed else None)


Verb = Callable[[AsyncConnection], Awaitable[Answer]]


class IdempotentPost:
    """One kind of POST, known by its name; make it once, at import."""

    def __init__(self, name: str) -> None:
        self._transaction = DatabaseTransaction(name)

    async def run(self, request: Request, context: Context, caller: User, verb: Verb) -> Outcome:
        """Do ``verb`` in a database transaction, unless its answer is stored under the request's key.

        The key and the answer are committed with the verb's own effect: a crash leaves both or
        none, and a verb that raises stores nothing. ``verb`` may be run several times.

        Raises:
            InvalidIdempotencyKey, IdempotencyKeyReused, IdempotencyKeyInUse: nothing was done.
            Busy, CommitOutcomeUnknown: as ``DatabaseTransaction.run``.
        """
        key = _key_of(request, caller)
        body_sha256 = hashlib.sha256(await request.body()).digest()
        now = context.clock.now()

        async def once(connection: AsyncConnection) -> Outcome:
            if key is None:
                return Outcome(await verb(connection), replayed=False, key=None)
            stored = await _claim(connection, key, body_sha256)
            if stored is not None:
                return Outcome(stored, replayed=True, key=key)
            answer = await verb(connection)
            await _store(connection, key, body_sha256, answer, now)
            return Outcome(answer, replayed=False, key=key)

        return await self._transaction.run(context.engine, once)


async def _replace_answer(connection: AsyncConnection, key: KeyReference, answer: Answer) -> None:
    """From now on give ``answer`` to who repeats the request of ``key``."""
    await connection.execute(
        update(idempotency_keys).where(*_is(key)).values(answer_status=answer.status, answer_body=_as_text(answer))
    )


replace_answer = in_own_transaction(_replace_answer)


async def delete_expired(connection: AsyncConnection, now: datetime) -> int:
    """Forget the answers that have been kept for 30 days; returns how many."""
    result = await connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < now - KEPT))
    return result.rowcount


def _key_of(request: Request, caller: User) -> KeyReference | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _VALID_KEY.fullmatch(given[0]):
        raise InvalidIdempotencyKey
    return KeyReference(caller.id, f"{request.method} {request.url.path}", given[0])


async def _claim(connection: AsyncConnection, key: KeyReference, body_sha256: bytes) -> Answer | None:
    """Take the key until the end of the database transaction; returns the answer stored under it."""
    # Not waited for: the unique key would make a second request stand still until the first is done.
    name = f"idempotency:{key.user_id}:{key.route}:{key.key}"
    if not await connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))):
        raise IdempotencyKeyInUse
    rows = await connection.execute(
        select(
            idempotency_keys.c.body_sha256, idempotency_keys.c.answer_status, idempotency_keys.c.answer_body
        ).where(*_is(key))
    )
    row = rows.one_or_none()
    if row is None:
        return None
    if row.body_sha256 != body_sha256:
        raise IdempotencyKeyReused
    return Answer(row.answer_status, json.loads(row.answer_body))


async def _store(
    connection: AsyncConnection, key: KeyReference, body_sha256: bytes, answer: Answer, now: datetime
) -> None:
    await connection.execute(
        insert(idempotency_keys).values(
            user_id=key.user_id,
            route=key.route,
            key=key.key,
            body_sha256=body_sha256,
            answer_status=answer.status,
            answer_body=_as_text(answer),
            created_at=now,
        )
    )


def _is(key: KeyReference) -> tuple[Any, ...]:
    columns = idempotency_keys.c
    return (columns.user_id == key.user_id, columns.route == key.route, columns.key == key.key)


def _as_text(answer: Answer) -> str:
    return json.dumps(answer.body, ensure_ascii=False)
