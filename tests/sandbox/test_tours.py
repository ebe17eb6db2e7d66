"""The same tour by the official Python and the official Node library: they see the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stripe_sandbox.testing import run_in_process
from tests.description.exchanges import Judge, judged

TOURS = Path(__file__).parent / "tours"
SECONDS_MAX = 300

SEEN = """\
deposit: succeeded
decline: 402 card_declined generic_decline
3DS: requires_action
3DS: succeeded
refund: succeeded
dispute: needs_response, won
dispute: needs_response, lost
onboarding: payouts false
onboarding: payouts true
transfer: 9000 usd available
payout: paid
payout: paid, then failed (account_closed); the bank is errored
signatures: a forged one is refused
books: balanced
"""
pytestmark = pytest.mark.processes


async def test_the_official_python_library_makes_the_tour() -> None:
    assert await _toured(sys.executable, "tour.py") == SEEN


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not on this machine; its tour was not made")
async def test_the_official_node_library_makes_the_tour(node_library: Path) -> None:
    assert await _toured("node", "tour.mjs") == SEEN


async def _toured(program: str, script: str) -> str:
    """What the tour printed; what it sent and got is held against Stripe's description."""
    judge = Judge()
    async with run_in_process(observers=(judge,)) as sandbox:
        # The sandbox runs in a thread of its own, so it answers while this waits.
        command = [program, str(TOURS / script), sandbox.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(judge.waiting) > 20
    judged(judge)
    return done.stdout


def test_the_lock_of_the_node_library_names_no_address() -> None:
    lock = json.loads((TOURS / "package-lock.json").read_text())

    assert "resolved" not in json.dumps(lock)
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
