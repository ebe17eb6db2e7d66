"""Idempotency keys: the first answer to a key is kept for a day and given again to the same request."""

import hashlib
import json
from typing import Any

from stripe_sandbox.http.errors import StripeError, invalid
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record

KEY_LENGTH_MAX = 255


class Answers:
    """Stored answers, per account and key, and the keys whose first request still runs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._running: set[str] = set()

    def begin(self, account: str, key: str, fingerprint: str) -> Record | None:
        """The answer stored for this key, or None: then it counts as running until ``end``.

        Raises:
            StripeError: the key is too long, was used for another request, or is in use at this moment.
        """
        if len(key) > KEY_LENGTH_MAX:
            raise invalid(
                f"An idempotency key has at most {KEY_LENGTH_MAX} characters.", code="idempotency_key_invalid"
            )
        name = _name(account, key)
        if name in self._running:
            raise in_use()
        stored = self._sandbox.store.get(name)
        if stored is None or stored["until"] <= self._sandbox.clock.now():
            self._running.add(name)
            return None
        if stored["fingerprint"] != fingerprint:
            raise _other_request(key)
        return stored

    def end(self, account: str, key: str) -> None:
        """The request with this key no longer runs."""
        self._running.discard(_name(account, key))

    def hold(self, account: str, key: str) -> bool:
        """Count the key as in use until ``end``, before its request runs; False if it is in use already."""
        if (name := _name(account, key)) in self._running:
            return False
        self._running.add(name)
        return True

    def replace(self, account: str, key: str | None, answer: Record) -> None:
        """Let a stored answer be another one; nothing happens if none is stored."""
        known = self._sandbox.store.get(_name(account, key or ""))
        if known:
            self._sandbox.store.change(known, **answer)

    def keep(self, account: str, key: str, fingerprint: str, answer: Record) -> None:
        """Store the first answer to ``key`` (``status``, ``body``, ``request_id``) for a day."""
        known = self._sandbox.store.get(_name(account, key))
        if known:
            self._sandbox.store.remove(known)
        until = self._sandbox.clock.now() + self._sandbox.settings.answer_kept_seconds
        record = {
            "id": _name(account, key),
            "object": "sandbox.answer",
            "until": until,
            "fingerprint": fingerprint,
        }
        self._sandbox.store.add(record | answer)


def fingerprint(method: str, path: str, form: dict[str, Any]) -> str:
    """What must be equal for two requests to count as the same."""
    content = json.dumps([method, path, form], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _name(account: str, key: str) -> str:
    return f"answer:{account}:{key}"


def in_use() -> StripeError:
    """The refusal while the first request with a key still runs."""
    message = "Another request with this idempotency key is still running; try again when it has ended."
    return StripeError(409, message, code="idempotency_key_in_use")


def _other_request(key: str) -> StripeError:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"The key `{key}` belongs to another request."
    )
    return StripeError(400, message, kind="idempotency_error")
