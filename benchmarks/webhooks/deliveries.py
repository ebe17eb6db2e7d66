"""Events as Stripe sends them: pretty-printed, two to three kilobytes, signed, some delivered twice."""

import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.history.past import deposit_id
from stripe_sandbox.webhooks.signing import signature_header

PATH = "/api/webhooks/stripe"
AMOUNT_MINOR = 20_000  # of every deposit; ``history/paid.sql`` has the same
REDELIVERED_EVERY = 20  # 5 % are events that were sent before
_REDELIVERED_AFTER = 199  # deliveries: the first is stored by then, and was itself no repetition
_BODY_BYTES = (2_000, 3_000)
_DESCRIPTION_CHARACTERS = (100, 750)
_VARIANTS = 8  # lengths


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP request, ready to be sent."""

    event_id: str
    request: bytes


@dataclass(slots=True)
class Sender:
    """Makes deliveries to ``path``, signed with ``secret``: each event tells that a deposit was paid.

    No two events of it have the same id, and no two are about the same deposit, the first one after ``sent``.
    """

    secret: str
    sent: int = 0
    path: str = PATH

    def deliveries(self, count: int) -> list[Delivery]:
        """The next ones, signed now: to be sent within five minutes."""
        return [self._delivery() for _ in range(count)]

    def _delivery(self) -> Delivery:
        self.sent += 1
        again = self.sent % REDELIVERED_EVERY == 0
        number = max(1, self.sent - _REDELIVERED_AFTER) if again else self.sent
        body = event_body(number)
        signature = signature_header(body, [self.secret], int(time.time()))
        return Delivery(event_id(number), _request(self.path, body, signature))


def event_id(number: int) -> str:
    """Of the event about the deposit of that number."""
    return f"evt_{number:024d}"


def event_body(number: int) -> bytes:
    """``payment_intent.succeeded`` for the deposit of that number (``history.past.pay``)."""
    body = _body_around_ids(number % _VARIANTS)
    return (
        body.replace(b"EVENT_ID", event_id(number).encode())
        .replace(b"DEPOSIT_ID", str(deposit_id(number)).encode())
        .replace(b"NUMBER", b"%024d" % number)
    )


def _request(path: str, body: bytes, signature: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/1.0\r\nAccept: */*\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Stripe-Signature: {signature}\r\n\r\n"
    )
    return head.encode() + body


@cache
def _body_around_ids(variant: int) -> bytes:
    shortest, longest = _DESCRIPTION_CHARACTERS
    length = shortest + (longest - shortest) * variant // (_VARIANTS - 1)
    body = json.dumps(_event(("Fence painting. " * 50)[:length]), indent=2).encode()
    assert _BODY_BYTES[0] <= len(body) <= _BODY_BYTES[1], len(body)
    return body


def _event(description: str) -> dict[str, Any]:
    return {
        "id": "EVENT_ID",
        "object": "event",
        "api_version": "2026-10-28.benchmark",
        "created": 1_790_000_000,
        "data": {"object": _payment_intent(description)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_benchmark0001", "idempotency_key": "deposit:DEPOSIT_ID:confirm:1"},
        "type": "payment_intent.succeeded",
    }


def _payment_intent(description: str) -> dict[str, Any]:
    return {
        "id": "pi_NUMBER",
        "object": "payment_intent",
        "amount": AMOUNT_MINOR,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": AMOUNT_MINOR,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "never", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": "pi_NUMBER_secret_benchmark",
        "confirmation_method": "automatic",
        "created": 1_790_000_000,
        "currency": "usd",
        "customer": "cus_00000000000001",
        "description": description,
        "last_payment_error": None,
        "latest_charge": "ch_NUMBER",
        "livemode": False,
        "metadata": {"deposit_id": "DEPOSIT_ID", "platform": "JobSphere"},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": "pm_000000000000000000000001",
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }
