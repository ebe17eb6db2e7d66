"""Stripe's paths over HTTP: from the raw request to the raw answer, with faults where they were planned."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from stripe_sandbox.faults.requests import RequestFault, RequestRule
from stripe_sandbox.http import forms
from stripe_sandbox.http.call import Call
from stripe_sandbox.http.credentials import Headers, acting_account, api_key, check_version
from stripe_sandbox.http.errors import StripeError, invalid
from stripe_sandbox.http.expand import Expansion, Views, check
from stripe_sandbox.http.idempotency import Answers, fingerprint, in_use
from stripe_sandbox.http.parameters import array, text
from stripe_sandbox.http.routing import Endpoint, Router
from stripe_sandbox.ids import new_id
from stripe_sandbox.sandbox import Cause, Sandbox
from stripe_sandbox.settings import API_VERSION, PLATFORM
from stripe_sandbox.store import Record, shown

BODY_BYTES_MAX = 1 << 20
FORM_TYPE = "application/x-www-form-urlencoded"
NO_ANSWER = (RequestFault.TIMEOUT_BEFORE, RequestFault.TIMEOUT_AFTER, RequestFault.DROP_AFTER)
_read_expand = array(text)
log = logging.getLogger(__name__)


def _server_error() -> StripeError:
    return StripeError(500, "Something went wrong on the sandbox's end.", kind="api_error")


def _rate_limited() -> StripeError:
    return StripeError(429, "Too many requests hit the API too quickly.", code="rate_limit")


def _locked() -> StripeError:
    message = "Another request is changing this object right now; try again."
    return StripeError(429, message, code="lock_timeout")


NOTHING_IS_DONE = {
    RequestFault.CONFLICT: in_use,
    RequestFault.ERROR_BEFORE: _server_error,
    RequestFault.LOCKED: _locked,
    RequestFault.RATE_LIMIT: _rate_limited,
}


@dataclass(slots=True)
class Exchange:
    """A request and, once it is there, its answer."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    request_id: str
    status: int = 0
    content: bytes = b""
    answer_headers: Headers = field(default_factory=dict)

    @property
    def idempotency_key(self) -> str | None:
        """The key, which counts on POST only."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None


Observer = Callable[[Exchange], None]


class Api:
    """The ASGI application behind ``/v1``."""

    def __init__(self, sandbox: Sandbox, router: Router, views: Views | None = None) -> None:
        self.sandbox = sandbox
        self.observers: list[Observer] = []
        self.answers = Answers(sandbox)
        self._router = router
        self._expansion = Expansion(sandbox, views or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, unless a planned fault keeps the answer back."""
        exchange = await _received(scope, receive)
        fault = self.sandbox.faults.strike_request(exchange.method, exchange.path)
        kind = RequestFault(fault.kind) if fault else None
        if fault and kind is RequestFault.SLOW:
            await self._wait(fault, exchange)
        if kind in NOTHING_IS_DONE:
            self._refuse(exchange, NOTHING_IS_DONE[kind]())
        elif kind is not RequestFault.TIMEOUT_BEFORE:
            self.answer(exchange)
        if kind is RequestFault.ERROR_AFTER:
            self._answer_with_error_instead(exchange)
        self._log(exchange)
        self.sandbox.commit()
        for observe in self.observers:
            observe(exchange)
        if fault and kind in (RequestFault.TIMEOUT_BEFORE, RequestFault.TIMEOUT_AFTER):
            await _hang_up(receive, fault.seconds)
        await _send(exchange, send, cut_off=kind in NO_ANSWER)

    def answer(self, exchange: Exchange) -> None:
        """Execute the request, or give the stored answer to its idempotency key."""
        try:
            key = api_key(exchange.headers)
            account = acting_account(self.sandbox, exchange.headers, key)
            check_version(exchange.headers)
            endpoint, names = self._endpoint(exchange, key)
            form = _form(exchange)
        except StripeError as error:
            self._refuse(exchange, error)
            return
        call = Call(self.sandbox, account, path=names, form=form, key=key)
        if exchange.idempotency_key is None:
            self._execute(exchange, endpoint, call)
        else:
            self._execute_once(exchange, endpoint, call, exchange.idempotency_key)

    def _execute_once(self, exchange: Exchange, endpoint: Endpoint, call: Call, key: str) -> None:
        mark = fingerprint(exchange.method, exchange.path, call.form)
        try:
            stored = self.answers.begin(call.account, key, mark)
        except StripeError as error:
            self._refuse(exchange, error)
            return
        if stored:
            _replay(exchange, stored)
            return
        try:
            if self._execute(exchange, endpoint, call):
                self.answers.keep(call.account, key, mark, _to_store(exchange))
        finally:
            self.answers.end(call.account, key)

    def _execute(self, exchange: Exchange, endpoint: Endpoint, call: Call) -> bool:
        """Check the parameters and run the handler; returns whether the answer is to be stored."""
        self.sandbox.cause = Cause(exchange.request_id, exchange.idempotency_key)
        try:
            expand = _expand(call, endpoint)
            call.params = endpoint.parameters.read(call.form)
            record = endpoint.handler(call)
            _fill(exchange, 200, self._expansion.expanded(record, expand) if expand else shown(record))
        except StripeError as error:
            self._refuse(exchange, error)
            return error.executed
        except Exception:
            log.exception("%s %s failed in an unforeseen way", exchange.method, exchange.path)
            self._refuse(exchange, _server_error())
        finally:
            self.sandbox.cause = None
        return True

    def _endpoint(self, exchange: Exchange, key: str) -> tuple[Endpoint, dict[str, str]]:
        found = self._router.find(exchange.method, exchange.path)
        if found is None:
            where = f"{exchange.method}: {exchange.path}"
            raise StripeError(
                404, f"Unrecognized request URL ({where}). If Stripe has it, it is not simulated here."
            )
        if key.startswith("pk_") and not found[0].publishable:
            message = "This request cannot be made with a publishable API key; use a secret key."
            raise StripeError(403, message, code="secret_key_required")
        return found

    def _refuse(self, exchange: Exchange, error: StripeError) -> None:
        """Answer with the refusal; like Stripe's it says where the request can be looked at."""
        place = f"{self.sandbox.base_url}/_sandbox/calls/{exchange.request_id}"
        _refuse(exchange, error, {"request_log_url": place} if error.status != 401 else {})

    def _answer_with_error_instead(self, exchange: Exchange) -> None:
        """Everything was done, but the client sees a 500, and sees it again with the same key."""
        first_time = "idempotent-replayed" not in exchange.answer_headers
        exchange.answer_headers = {}
        self._refuse(exchange, _server_error())
        if first_time:
            account = exchange.headers.get("stripe-account", PLATFORM)
            self.answers.replace(account, exchange.idempotency_key, _to_store(exchange))

    async def _wait(self, fault: RequestRule, exchange: Exchange) -> None:
        """Let a slow request take its time; meanwhile its idempotency key counts as in use."""
        account, key = exchange.headers.get("stripe-account", PLATFORM), exchange.idempotency_key
        if key is None:
            await asyncio.sleep(fault.seconds)
        elif self.answers.hold(account, key):
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                self.answers.end(account, key)

    def _log(self, exchange: Exchange) -> None:
        store = self.sandbox.store
        call: Record = {
            "id": f"call:{exchange.request_id}",
            "object": "sandbox.call",
            "method": exchange.method,
            "path": exchange.path,
            "idempotency_key": exchange.idempotency_key,
            "stripe_account": exchange.headers.get("stripe-account"),
            "status": exchange.status or None,
            "replayed": exchange.answer_headers.get("idempotent-replayed") == "true",
            "request_id": exchange.request_id,
            "time": self.sandbox.now(),
        }
        store.add(call)
        if store.count("sandbox.call") > self.sandbox.settings.calls_kept_max:
            store.remove(next(store.of_kind("sandbox.call")))


async def _received(scope: Scope, receive: Receive) -> Exchange:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    chunks, size, more = [], 0, True
    while more and size <= BODY_BYTES_MAX:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    body = b"".join(chunks)
    return Exchange(scope["method"], scope["path"], scope["query_string"], headers, body, new_id("req"))


async def _send(exchange: Exchange, send: Send, *, cut_off: bool) -> None:
    headers = {
        "content-type": "application/json",
        "content-length": str(len(exchange.content) + cut_off),
        "request-id": exchange.request_id,
        "stripe-version": exchange.headers.get("stripe-version", API_VERSION),
        **exchange.answer_headers,
    }
    for name in ("stripe-account", "idempotency-key"):
        if name in exchange.headers:
            headers[name] = exchange.headers[name]
    if exchange.idempotency_key is not None:
        headers.setdefault("original-request", exchange.request_id)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": exchange.status or 200, "headers": raw})
    # Without the body that the length announces, the server closes the connection.
    if not cut_off:
        await send({"type": "http.response.body", "body": exchange.content})


async def _hang_up(receive: Receive, seconds: float) -> None:
    """Say nothing until the client gives up, or until ``seconds`` have passed."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


def _form(exchange: Exchange) -> dict[str, Any]:
    if len(exchange.body) > BODY_BYTES_MAX:
        raise StripeError(413, "The request is too large.")
    if exchange.body and not exchange.headers.get("content-type", FORM_TYPE).startswith(FORM_TYPE):
        raise invalid(f"Invalid request (check that your POST content type is {FORM_TYPE}).")
    try:
        return forms.decode(exchange.body if exchange.method == "POST" else exchange.query)
    except forms.MalformedForm as error:
        raise invalid(str(error)) from error


def _expand(call: Call, endpoint: Endpoint) -> list[str]:
    """Take ``expand`` out of the form, checked before anything is done: a wrong path changes nothing."""
    if "expand" not in call.form:
        return []
    paths: list[str] = _read_expand(call.form.pop("expand"), "expand")
    if endpoint.answers:
        check(paths, endpoint.answers, listed=endpoint.lists)
    return paths


def _fill(exchange: Exchange, status: int, body: Record) -> None:
    exchange.status = status
    exchange.content = json.dumps(body, separators=(",", ":")).encode()


def _refuse(exchange: Exchange, error: StripeError, besides: Record) -> None:
    _fill(exchange, error.status, {"error": error.body | besides})
    if error.executed:
        exchange.answer_headers["stripe-should-retry"] = "false"
    if error.body.get("code") == "lock_timeout":
        exchange.answer_headers["stripe-should-retry"] = "true"
    if error.body.get("code") == "rate_limit":
        exchange.answer_headers["stripe-rate-limited-reason"] = "global-rate"


def _to_store(exchange: Exchange) -> Record:
    return {
        "status": exchange.status,
        "content": exchange.content.decode(),
        "headers": exchange.answer_headers,
        "request_id": exchange.request_id,
    }


def _replay(exchange: Exchange, stored: Record) -> None:
    exchange.status = stored["status"]
    exchange.content = stored["content"].encode()
    exchange.answer_headers = stored["headers"] | {
        "idempotent-replayed": "true",
        "original-request": stored["request_id"],
    }
