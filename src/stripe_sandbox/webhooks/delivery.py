"""Sending: a bounded number of signed deliveries at a time, retried with growing gaps of sandbox time."""

import asyncio
import json
import logging
import time

import httpx

from stripe_sandbox.outbox import DELIVERED, DROPPED, FAILED, RETRYING
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.signing import signature_header

log = logging.getLogger(__name__)


class Deliverer:
    """Takes deliveries from the outbox and sends them until it is stopped."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._client = httpx.AsyncClient(
            timeout=sandbox.settings.delivery_timeout_wall_seconds, trust_env=False, follow_redirects=False
        )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send; must be called on the running event loop."""
        count = self._sandbox.settings.delivery_concurrency
        self._tasks = [asyncio.create_task(self._work()) for _ in range(count)]

    async def stop(self) -> None:
        """Stop sending; what is under way counts as not tried."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _work(self) -> None:
        while True:
            delivery = await self._sandbox.outbox.take()
            try:
                await self._attempt(delivery)
            except Exception:
                # One delivery that cannot be made must not end all others.
                log.exception("a delivery failed in an unforeseen way")
            finally:
                self._sandbox.outbox.tried()

    async def _attempt(self, delivery: Record) -> None:
        store = self._sandbox.store
        event, endpoint = store.get(delivery["event"]), store.get(delivery["endpoint"])
        if event is None or store.get(delivery["id"]) is None:
            return  # the sandbox was reset meanwhile
        if endpoint is None:
            store.change(delivery, state=DROPPED)
            return
        status = await self._send(event, endpoint)
        note_attempt(self._sandbox, delivery, status)
        self._sandbox.commit()

    async def _send(self, event: Record, endpoint: Record) -> int | None:
        """The receiver's status, or None if there was no answer."""
        body = json.dumps(shown(event), indent=2).encode()
        # Receivers compare the signature's time with their own clock, so it is wall time, not sandbox time.
        signature = signature_header(body, endpoint["_secrets"], int(time.time()))
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
        try:
            return (await self._client.post(endpoint["url"], content=body, headers=headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def note_attempt(sandbox: Sandbox, delivery: Record, status: int | None) -> None:
    """Keep the outcome of an attempt: delivered, to be retried later, or given up."""
    attempts = delivery["attempts"] + 1
    sandbox.store.change(delivery, attempts=attempts, last_status=status)
    gaps = sandbox.settings.delivery_gaps_seconds
    if status is not None and 200 <= status < 300:
        sandbox.store.change(delivery, state=DELIVERED)
        _count_down(sandbox, delivery["event"])
    elif attempts > len(gaps):
        sandbox.store.change(delivery, state=FAILED)
    else:
        due = sandbox.now() + gaps[attempts - 1]
        sandbox.store.change(delivery, state=RETRYING, next_attempt=due)
        sandbox.schedule.at(due, "delivery.retry", delivery["id"])


def retry(sandbox: Sandbox, delivery: Record) -> None:
    """The gap after a failed attempt is over."""
    if delivery["state"] == RETRYING:
        sandbox.outbox.try_now(delivery)


def _count_down(sandbox: Sandbox, event_id: str) -> None:
    event = sandbox.store.get(event_id)
    if event is not None:
        sandbox.store.change(event, pending_webhooks=max(0, event["pending_webhooks"] - 1))
