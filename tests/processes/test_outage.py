"""While Stripe hangs or is gone, deposits are taken all the same, and complete by themselves afterwards."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Databases
from tests.processes.starting import Starter
from tests.processes.world import Saved, World

pytestmark = pytest.mark.processes

STRIPE_TIMEOUT_SECONDS = 2.0
BODY = {"amount": 50, "paymentMethodId": "pm_card_bypassPending"}


@pytest.fixture
def world(place: Path, databases: Databases, starter: Starter, worlds: dict[str, Saved]) -> Iterator[World]:
    settings = {"STRIPE_TIMEOUT_SECONDS": str(STRIPE_TIMEOUT_SECONDS)}
    folder = place / f"outage-{uuid4().hex}"
    with World(folder, databases, starter, worlds["people"], settings=settings) as world:
        yield world


def test_a_deposit_is_taken_within_seconds_while_stripe_is_stopped(world: World) -> None:
    world.sandbox.kill()

    deposit_id, took_seconds = _deposit_twice(world)

    assert took_seconds < 3
    world.restart_sandbox()
    world.wait("customer", f"/api/wallet/deposits/{deposit_id}", {"status": "completed"})
    _assert_charged_once(world, deposit_id)


def test_a_deposit_is_taken_within_seconds_while_stripe_hangs(world: World) -> None:
    world.sandbox.send(signal.SIGSTOP)
    try:
        deposit_id, took_seconds = _deposit_twice(world)
    finally:
        world.sandbox.send(signal.SIGCONT)

    # One call gets no answer, and then the rest is left to the worker.
    assert took_seconds < STRIPE_TIMEOUT_SECONDS + 2
    world.wait("customer", f"/api/wallet/deposits/{deposit_id}", {"status": "completed"})
    _assert_charged_once(world, deposit_id)


def test_reading_goes_on_while_stripe_hangs(world: World) -> None:
    world.sandbox.send(signal.SIGSTOP)
    try:
        world.ask("POST", "/api/wallet/deposit", "customer", BODY)
        began = time.monotonic()
        assert world.get("customer", "/api/wallet")["balance"] == "0.00"
        assert world.ask("GET", "/health/ready", "customer").status_code == 200
        assert time.monotonic() - began < 1
    finally:
        world.sandbox.send(signal.SIGCONT)


def test_stripe_may_come_back_before_jobsphere_that_was_killed_meanwhile(world: World) -> None:
    world.sandbox.kill()
    deposit_id, _ = _deposit_twice(world)
    world.server.kill()
    world.restart_sandbox()

    world.restart_server()

    # What was killed may have held the deposit: then it is free again when the lease ends.
    world.wait("customer", f"/api/wallet/deposits/{deposit_id}", {"status": "completed"})
    _assert_charged_once(world, deposit_id)


def _deposit_twice(world: World) -> tuple[str, float]:
    """The deposit's id, and how long the first request took; the second one must be answered the same."""
    began = time.monotonic()
    first = world.ask("POST", "/api/wallet/deposit", "customer", BODY, "deposit")
    took_seconds = time.monotonic() - began
    again = world.ask("POST", "/api/wallet/deposit", "customer", BODY, "deposit")

    assert (first.status_code, again.status_code) == (202, 202), first.text
    data: dict[str, Any] = first.json()["data"]
    assert data["status"] == "pending"
    assert again.json()["data"]["depositId"] == data["depositId"]
    return str(data["depositId"]), took_seconds


def _assert_charged_once(world: World, deposit_id: str) -> None:
    answer = world.ask("POST", "/api/wallet/deposit", "customer", BODY, "deposit")
    assert answer.json()["data"]["depositId"] == deposit_id
    assert world.get("customer", "/api/wallet")["balance"] == "50.00"
    (charge,) = world.stripe("GET", "/charges")["data"]
    assert charge["amount"] == 5000
    (intent,) = world.stripe("GET", "/payment_intents")["data"]
    assert intent["status"] == "succeeded"
