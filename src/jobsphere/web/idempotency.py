"""``Idempotency-Key``: a POST that moves money, sent twice, moves it once and is answered the same."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import DatabaseTransaction, in_own_transaction
from jobsphere.idempotency import keys
from jobsphere.idempotency.keys import KeyReference, StoredAnswer
from jobsphere.identity.people import User
from jobsphere.web.answers import Answer
from jobsphere.web.context import Context

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
            stored = await keys.claim(connection, key, body_sha256)
            if stored is not None:
                return Outcome(Answer(stored.status, json.loads(stored.text)), replayed=True, key=key)
            answer = await verb(connection)
            await keys.keep(connection, key, body_sha256, _stored(answer), now=now)
            return Outcome(answer, replayed=False, key=key)

        return await self._transaction.run(context.engine, once)


async def _replace_answer(connection: AsyncConnection, key: KeyReference, answer: Answer) -> None:
    """From now on give ``answer`` to who repeats the request of ``key``."""
    await keys.replace(connection, key, _stored(answer))


replace_answer = in_own_transaction(_replace_answer)


def _key_of(request: Request, caller: User) -> KeyReference | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _VALID_KEY.fullmatch(given[0]):
        raise InvalidIdempotencyKey
    return KeyReference(caller.id, f"{request.method} {request.url.path}", given[0])


def _stored(answer: Answer) -> StoredAnswer:
    return StoredAnswer(answer.status, json.dumps(answer.body, ensure_ascii=False))
