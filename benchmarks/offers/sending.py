"""``POST /api/offers`` by signed-in customers, each with an idempotency key, and the proof of what was sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import text

from benchmarks.history.past import People, contractor_id, customer_id, job_id
from benchmarks.load import deliver
from benchmarks.serving import TOKEN_SECRET
from benchmarks.webhooks.deliveries import Delivery
from jobsphere.database import create_engine, reading
from jobsphere.identity import tokens

JOBS = 20_000
_WARM_UP_SECONDS = 0.5
_TOKEN_SECONDS = 12 * 60 * 60

_SENT = text(
    """
    SELECT (SELECT count(*) FROM offers WHERE state = 'sent'),
           (SELECT count(*) FROM idempotency_keys WHERE key LIKE 'offer:%'),
           (SELECT count(*) FROM notifications AS n JOIN offers AS o
            ON n.reference = 'offer:' || o.id || ':send:' || o.contractor_id WHERE o.state = 'sent')
    """
)


@dataclass(slots=True)
class SentOffers:
    """JobSphere on ``port``, and how many offers it said that it sent. ``JOBS`` jobs of ``people`` are open."""

    port: int
    people: People
    upcoming: Iterator[Delivery] = field(init=False)
    sent: int = 0

    def __post_init__(self) -> None:
        self.upcoming = _offers(self.people)

    async def rate(self, seconds: float) -> float:
        await self._send(_WARM_UP_SECONDS)
        return await self._send(seconds)

    async def miscounted(self, url: str) -> str | None:
        """Why they do not count, None when each has its key and its notification."""
        engine = create_engine(url, pool_size=1)
        try:
            async with reading(engine) as connection:
                found = tuple((await connection.execute(_SENT)).one())
        finally:
            await engine.dispose()
        if found != (self.sent,) * 3:
            return f"{self.sent} offers were answered; offers, keys and notifications are {found}"
        return None

    async def _send(self, seconds: float) -> float:
        answered = await deliver(self.port, self.upcoming, seconds)
        self.sent += len(answered.event_ids)
        return len(answered.event_ids) / answered.seconds


def _offers(people: People) -> Iterator[Delivery]:
    """Each for another job than the ones before, until all had one; then again."""
    signed_in = [_token(number) for number in range(people.customers + 1)]
    number = 0
    while True:
        number += 1
        job = 1 + number % JOBS
        offer = {
            "jobId": str(job_id(job)),
            "contractorId": str(contractor_id(1 + number % people.contractors)),
            "amount": "5.00",
            "message": "Could you start on Monday?",
        }
        yield Delivery(f"offer:{number}", _request(signed_in[people.poster(job)], f"offer:{number}", offer))


def _token(customer: int) -> str:
    return tokens.issue(TOKEN_SECRET.encode(), customer_id(customer), datetime.now(UTC), _TOKEN_SECONDS)


def _request(token: str, key: str, offer: dict[str, str]) -> bytes:
    body = json.dumps(offer).encode()
    head = (
        "POST /api/offers HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\nAccept: */*\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
