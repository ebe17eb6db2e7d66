"""Sending: a bounded number of signed deliveries at a time, retried with growing gaps of sandbox time."""

import asyncio
import json
import logging
import time

import httpx

from stripe_sandbox.faults.deliveries import DeliveryFault
from stripe_sandbox.outbox import DELIVERED, FAILED, PUT_OFF, RETRYING
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.dispatch import put_off
from stripe_sandbox.webhooks.endpoints import valid_secrets
from stripe_sandbox.webhooks.signing import signature_header

SECRET_OF_NOBODY = "whsec_of_nobody"  # noqa: S105 it must be wrong
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
            batch = await self._sandbox.outbox.take()
            try:
                for delivery in batch:
                    await self._try(delivery)
            finally:
                self._sandbox.outbox.tried()

    async def _try(self, delivery: Record) -> None:
        try:
            await self._attempt(delivery)
            self._sandbox.outbox.overtaken(delivery)
        except Exception:
            # One delivery that cannot be made must not end all others.
            log.exception("a delivery failed in an unforeseen way")
        self._sandbox.commit()

    async def _attempt(self, delivery: Record) -> None:
        store = self._sandbox.store
        event, endpoint = store.get(delivery["event"]), store.get(delivery["endpoint"])
        if event is None or store.get(delivery["id"]) is None:
            return  # the sandbox was reset meanwhile, or the event is older than events become
        if endpoint is None or endpoint["status"] == "disabled":
            store.change(delivery, state=FAILED)
            return
        fault = None if delivery["attempts"] else delivery["fault"]
        if fault == DeliveryFault.WRONG_MODE:
            await self._send(_of_the_live_mode(event), endpoint, valid_secrets(self._sandbox, endpoint))
        forged = fault == DeliveryFault.WRONG_SIGNATURE
        secrets = [SECRET_OF_NOBODY] if forged else valid_secrets(self._sandbox, endpoint)
        note_attempt(self._sandbox, delivery, await self._send(event, endpoint, secrets))

    async def _send(self, event: Record, endpoint: Record, secrets: list[str]) -> int | None:
        """The receiver's status, or None if there was no answer."""
        version = endpoint["api_version"] or event["api_version"]
        body = json.dumps(shown(event) | {"api_version": version}, indent=2).encode()
        # Receivers compare the signature's time with their own clock, so it is wall time, not sandbox time.
        signature = signature_header(body, secrets, int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (stripe_sandbox)",
        }
        try:
            return (await self._client.post(endpoint["url"], content=body, headers=headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _of_the_live_mode(event: Record) -> Record:
    """An event as the live mode would tell it: the same in everything but its mode and its id."""
    thing = event["data"]["object"]
    mode = {"livemode": True} if "livemode" in thing else {}
    return event | {"id": f"{event['id']}live", "livemode": True, "data": event["data"] | {"object": thing | mode}}


def note_attempt(sandbox: Sandbox, delivery: Record, status: int | None) -> None:
    """Keep the outcome of an attempt: delivered, to be retried later, or given up."""
    attempts = delivery["attempts"] + 1
    sandbox.store.change(delivery, attempts=attempts, last_status=status)
    gaps = sandbox.settings.delivery_gaps_seconds
    if status is not None and 200 <= status < 300:
        sandbox.store.change(delivery, state=DELIVERED)
        _count_down(sandbox, delivery)
    elif attempts > len(gaps):
        sandbox.store.change(delivery, state=FAILED)
    else:
        put_off(sandbox, delivery, RETRYING, gaps[attempts - 1])


def retry(sandbox: Sandbox, delivery: Record) -> None:
    """The time has come until which a delivery was put off, unless it was tried or put off again meanwhile."""
    if delivery["state"] in PUT_OFF and delivery["next_attempt"] <= sandbox.clock.now():
        sandbox.outbox.try_now(delivery)


def _count_down(sandbox: Sandbox, delivery: Record) -> None:
    """An endpoint has the event now; how often it was sent to it does not count."""
    event = sandbox.store.get(delivery["event"])
    if event is not None:
        left = [endpoint for endpoint in event.get("_undelivered", []) if endpoint != delivery["endpoint"]]
        sandbox.store.change(event, _undelivered=left, pending_webhooks=len(left))
