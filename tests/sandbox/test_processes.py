"""The sandbox as a process of its own: its address, its end, and what it remembers after being killed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest
import stripe
from stripe.params import PaymentIntentCreateParams

from stripe_sandbox.control import Control

from .conftest import Seller, listening
from .receiver import SECRET

pytestmark = pytest.mark.processes


@contextmanager
def _serving(
    *options: str, errors: IO[bytes] | None = None, environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A sandbox process and its address; killed in the end if it still runs."""
    command = [sys.executable, "-m", "stripe_sandbox", "serve", *options]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


@asynccontextmanager
async def _life(state: Path, **environment: str) -> AsyncIterator[Seller]:
    """One life of a sandbox with a state file, ended by SIGKILL."""
    with _serving("--state", str(state), environment=environment) as (process, url):
        async with Control(url) as control:
            seller = Seller(url, control)
            yield seller
            process.kill()
            await seller.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds(number: signal.Signals) -> None:
    with _serving() as (process, url):
        assert url.startswith("http://127.0.0.1:")
        began = time.monotonic()
        process.send_signal(number)
        process.wait(timeout=2)
        assert time.monotonic() - began < 2


async def test_a_signal_ends_it_even_while_a_request_hangs() -> None:
    with _serving() as (process, url):
        async with Control(url) as control, httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await control.plan_faults({"match": "GET /v1/balance", "kind": "timeout_before"})
            hanging = asyncio.create_task(client.get("/v1/balance"))
            await asyncio.sleep(0.1)
            process.terminate()
            await asyncio.to_thread(process.wait, 2)
            await asyncio.gather(hanging, return_exceptions=True)


def test_it_ends_with_its_parent_when_told_so() -> None:
    with _serving("--exit-with-parent") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=1) == 0


def test_it_stays_when_standard_input_ends_otherwise() -> None:
    with _serving() as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)


def test_it_warns_when_it_listens_beyond_loopback(tmp_path: Path) -> None:
    for host, warned in (("0.0.0.0", True), ("127.0.0.1", False)):  # noqa: S104 it is what the test is about
        with (tmp_path / host).open("wb+") as errors, _serving("--host", host, errors=errors) as (_, url):
            assert url.startswith("http://127.0.0.1:")
            assert ("no password" in (tmp_path / host).read_text()) is warned


def test_it_begins_with_the_plan_of_faults_it_is_given_or_not_at_all(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"requests": [{"kind": "rate_limit"}]}')
    with _serving("--faults", str(plan)) as (_, url):
        headers = {"Authorization": "Bearer sk_test_x"}
        answers = [httpx.get(f"{url}/v1/balance", headers=headers, trust_env=False) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [429, 200]

    for text, message in (('{"requests": [{}]}', "requests[0].kind: must be one of"), ("{", "Expecting")):
        plan.write_text(text)
        command = [sys.executable, "-m", "stripe_sandbox", "serve", "--faults", str(plan)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, message in ended.stderr) == (2, True)


async def test_killed_and_started_again_it_still_holds_delays_and_fails_as_planned(tmp_path: Path) -> None:
    async with listening() as receiver, _life(tmp_path / "state.db", **_environment(receiver.url)) as before:
        await before.control.plan_faults(
            {"match": "GET /v1/balance", "kind": "rate_limit", "skip": 1},
            deliveries=[{"kind": "delay"}, {"kind": "reorder", "match": "customer.updated"}],
        )
        customer = await before.client().customers.create_async({"name": "A"})
        await before.client().customers.update_async(customer.id, {"name": "B"})
        await before.control.set_delivery_mode("hold")
        await before.client().customers.delete_async(customer.id)
        await before.client().balance.retrieve_async()
        assert receiver.received == []

    async with listening() as receiver, _life(tmp_path / "state.db", **_environment(receiver.url)) as after:
        with pytest.raises(stripe.RateLimitError):
            await after.client().balance.retrieve_async()
        states = [delivery["state"] for delivery in await after.control.deliveries()]
        assert states == ["delayed", "behind", "held"]
        await after.control.advance(seconds=600)
        assert receiver.received == []
        await after.control.set_delivery_mode("deliver")
        await after.control.drain()
        assert sorted(receiver.types()) == ["customer.created", "customer.deleted", "customer.updated"]


def test_it_listens_on_loopback_only() -> None:
    with _serving() as (_, url), socket.socket() as probe:
        probe.settimeout(0.2)
        port = int(url.rpartition(":")[2])
        # 127.0.0.2 is another address of the same machine; a socket bound to all addresses would answer.
        assert probe.connect_ex(("127.0.0.2", port)) != 0


async def test_killed_and_started_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    form: PaymentIntentCreateParams = {"amount": 5_000, "currency": "usd"}
    async with _life(tmp_path / "state.db") as before:
        account = await before.funded()
        payout = await before.client(account=account).payouts.create_async({"amount": 8_000, "currency": "usd"})
        intent = await before.client().payment_intents.create_async(form, {"idempotency_key": "k"})
        await before.paid_in(10_000, "pm_card_visa")
        now = await before.control.advance(hours=5)

    async with _life(tmp_path / "state.db") as after:
        client = after.client()
        assert await after.control.now() >= now
        assert (await client.payment_intents.create_async(form, {"idempotency_key": "k"})).id == intent.id
        assert len((await client.payment_intents.list_async()).data) == 3
        await after.control.advance(days=2)
        theirs = after.client(account=account)
        assert (await theirs.payouts.retrieve_async(payout.id)).status == "paid"
        balance = await client.balance.retrieve_async()
        assert (balance.available[0].amount, balance.pending[0].amount) == (19_390 - 8_000 + 9_680, 0)
        books = await after.control.books()
        assert books["balanced"], books["differences"]
        calls = [(call["method"], call["path"]) for call in await after.control.calls()]
        assert calls.count(("POST", "/v1/payouts")) == 1


async def test_undelivered_events_survive_and_the_environment_replaces_endpoints(tmp_path: Path) -> None:
    async with _life(tmp_path / "state.db", **_environment("http://127.0.0.1:9/gone")) as before:
        await before.client().customers.create_async({"name": "A"})
        await before.control.drain()

    async with (
        listening() as receiver,
        _life(tmp_path / "state.db", **_environment(receiver.url)) as after,
    ):
        assert len(await after.control.webhook_endpoints()) == 1
        await after.control.advance(seconds=5)
        assert receiver.types() == ["customer.created"]


def _environment(url: str) -> dict[str, str]:
    return {"STRIPE_SANDBOX_WEBHOOK_URL": url, "STRIPE_SANDBOX_WEBHOOK_SECRET": SECRET}
