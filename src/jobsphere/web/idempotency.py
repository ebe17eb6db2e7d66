"""``Idempotency-Key``: a POST that moves money, sent twice, moves it once and is answered the same."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.database import CommitOutcomeUnknown, DatabaseTransaction, in_own_transaction
from jobsphere.gathering import Gathering
from jobsphere.idempotency import keys
from jobsphere.idempotency.keys import KeyedRequest, KeyReference, StoredAnswer
from jobsphere.identity.people import User
from jobsphere.observability import logger
from jobsphere.web.answers import Answer
from jobsphere.web.context import Context

T = TypeVar("T")

log = logger(__name__)
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


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """One request: who asks for ``what``, when, and under which key, if the client sent one."""

    caller: User
    what: T
    at: datetime
    keyed: KeyedRequest | None

    @classmethod
    async def by(cls, request: Request, context: Context, caller: User, what: T) -> "Asked[T]":
        """Raises ``InvalidIdempotencyKey``."""
        key = _key_of(request, caller)
        keyed = KeyedRequest(key, hashlib.sha256(await request.body()).digest()) if key is not None else None
        return cls(caller, what, context.clock.now(), keyed)


Verb = Callable[[AsyncConnection], Awaitable[Answer]]
# For each that is asked, in order: its answer, or why it is refused. Unless it waits, what somebody else holds now
# counts as refused. It may raise a refusal instead when one alone is asked.
VerbForMany = Callable[
    [AsyncConnection, Context, Sequence[Asked[T]], bool], Awaitable[Sequence[Answer | Exception]]
]


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
        asked = await Asked.by(request, context, caller, None)

        async def once(connection: AsyncConnection) -> Outcome:
            return _only(await _unless_answered(connection, [asked], lambda _: _one(verb(connection))))

        return await self._transaction.run(context.engine, once)


class GatheredPost(Generic[T]):
    """As ``IdempotentPost``, but requests that come at the same time share a database transaction (ADR 23).

    They share it as far as each goes through at once. One that is refused, or would have to wait for somebody, is
    done alone afterwards; so is each of them when the whole fails, for then nothing was changed.
    """

    def __init__(self, name: str, verb: VerbForMany[T]) -> None:
        self._transaction = DatabaseTransaction(name)
        self._verb = verb

    async def run(self, request: Request, context: Context, caller: User, what: T) -> Outcome:
        """The outcome for this request; effects and errors are those of ``IdempotentPost.run``."""
        asked = await Asked.by(request, context, caller, what)
        outcome = await self._gathering(request, context).do(asked)
        if outcome is not None:
            return outcome
        return await self._transaction.run(
            context.engine, lambda connection: self._alone(connection, context, asked)
        )

    def _gathering(self, request: Request, context: Context) -> Gathering[Asked[T], Outcome | None]:
        gatherings: dict[GatheredPost[T], Gathering[Asked[T], Outcome | None]] = request.app.state.gatherings
        if self not in gatherings:
            gatherings[self] = Gathering(lambda together: self._together(context, together))
        return gatherings[self]

    async def _alone(self, connection: AsyncConnection, context: Context, asked: Asked[T]) -> Outcome:
        return _only(
            await _unless_answered(connection, [asked], lambda new: self._verb(connection, context, new, True))
        )

    async def _together(self, context: Context, asked: Sequence[Asked[T]]) -> Sequence[Outcome | None]:
        """The outcomes of those that went through; None for those that are to be done alone."""
        # A key twice: who comes second is answered when the first is done.
        first = {one.keyed.key if one.keyed else id(one): one for one in reversed(asked)}
        batch = [one for one in asked if first[one.keyed.key if one.keyed else id(one)] is one]

        async def work(connection: AsyncConnection) -> Sequence[Outcome | Exception]:
            return await _unless_answered(
                connection, batch, lambda new: self._verb(connection, context, new, False)
            )

        try:
            outcomes = await self._transaction.run(context.engine, work)
        except CommitOutcomeUnknown:
            raise
        except Exception as error:  # nothing was changed, and who it is about will hear of it alone
            log.info("gathered.alone", transaction=self._transaction.name, requests=len(batch), cause=repr(error))
            return [None] * len(asked)
        done = {id(one): outcome for one, outcome in zip(batch, outcomes, strict=True)}
        return [found if isinstance(found := done.get(id(one)), Outcome) else None for one in asked]


async def _unless_answered(
    connection: AsyncConnection,
    asked: Sequence[Asked[T]],
    verb: Callable[[Sequence[Asked[T]]], Awaitable[Sequence[Answer | Exception]]],
) -> list[Outcome | Exception]:
    """Do ``verb`` for those whose key has no answer yet, and keep the answers; each outcome or refusal."""
    keyed = [one.keyed for one in asked if one.keyed is not None]
    claimed = iter(await keys.claim(connection, keyed) if keyed else ())
    found = [next(claimed) if one.keyed is not None else None for one in asked]
    new = [one for one, stored in zip(asked, found, strict=True) if stored is None]
    answers = iter(await verb(new) if new else ())
    outcomes: list[Outcome | Exception] = []
    for one, stored in zip(asked, found, strict=True):
        given = next(answers) if stored is None else stored
        if isinstance(given, StoredAnswer):
            outcomes.append(Outcome(Answer(given.status, given.text), replayed=True, key=_key(one)))
        elif isinstance(given, Answer):
            outcomes.append(Outcome(given, replayed=False, key=_key(one)))
        else:
            outcomes.append(given)
    to_keep = [
        (one.keyed, _stored(outcome.answer))
        for one, outcome in zip(asked, outcomes, strict=True)
        if one.keyed is not None and isinstance(outcome, Outcome) and not outcome.replayed
    ]
    if to_keep:
        await keys.keep(connection, to_keep, now=asked[0].at)
    return outcomes


async def _one(answer: Awaitable[Answer]) -> Sequence[Answer]:
    return [await answer]


def _only(outcomes: Sequence[Outcome | Exception]) -> Outcome:
    """The only one; a refusal is raised, so that nothing is committed."""
    [outcome] = outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _key(asked: Asked[Any]) -> KeyReference | None:
    return asked.keyed.key if asked.keyed is not None else None


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
    return StoredAnswer(answer.status, answer.text)
