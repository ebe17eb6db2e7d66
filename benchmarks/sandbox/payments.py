"""Payments that are created and confirmed by one request each, and the proof that every one was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlencode

import httpx

from benchmarks.contest import CannotMeasure
from benchmarks.load import deliver
from benchmarks.webhooks.deliveries import Delivery

_WARM_UP_SECONDS = 0.5
_NET_MINOR = 4_825  # of 5,000, after the fee of 2.9 % and 30
_FORM = urlencode(
    {
        "amount": "5000",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[deposit_id]": "00000000-0000-7000-8000-000000000001",
    }
)


def payments() -> Iterator[Delivery]:
    """Requests as the official library makes them, each with an idempotency key of its own."""
    for number in count():
        key = f"deposit:{number}:confirm:1"
        head = (
            "POST /v1/payment_intents HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/v1 PythonBindings\r\n"
            "Accept: */*\r\nAuthorization: Bearer sk_test_benchmark\r\nStripe-Version: 2026-10-28.endive\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(_FORM)}\r\n"
            f"Idempotency-Key: {key}\r\n\r\n"
        )
        yield Delivery(key, (head + _FORM).encode())


@dataclass(frozen=True, slots=True)
class Paid:
    """The sandbox on ``port``, emptied before every turn."""

    port: int

    async def rate(self, seconds: float) -> float:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False) as http:
            (await http.post("/_sandbox/reset")).raise_for_status()
            upcoming = payments()
            warm_up = await deliver(self.port, upcoming, _WARM_UP_SECONDS)
            answered = await deliver(self.port, upcoming, seconds)
            await _prove(http, len(warm_up.event_ids) + len(answered.event_ids))
        return len(answered.event_ids) / answered.seconds


async def _prove(http: httpx.AsyncClient, paid: int) -> None:
    """Let the balance be what so many payments bring, and the books balanced."""
    books = (await http.get("/_sandbox/books", timeout=60)).json()
    balance = await http.get("/v1/balance", headers={"Authorization": "Bearer sk_test_benchmark"})
    pending_minor = balance.json()["pending"][0]["amount"]
    if pending_minor != paid * _NET_MINOR or not books["balanced"]:
        raise CannotMeasure(f"{paid} payments were answered, but the balance is {pending_minor}")
