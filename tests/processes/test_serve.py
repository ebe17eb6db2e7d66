"""``jobsphere serve`` from start to stop: whatever ends it, nothing is left and nothing is lost."""

import gc
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import psutil
import pytest

from jobsphere.cli.serve import spare_what_is_loaded
from tests.processes.conftest import processes_of
from tests.processes.served import Home
from tests.processes.starting import until

pytestmark = pytest.mark.processes

# What Ctrl-C may take; a bit more than it does, because other tests run on the same machine.
STOP_SECONDS_MAX = 10.0


def test_the_collector_leaves_alone_what_was_loaded_at_the_start() -> None:
    def goes_through_all() -> float:
        began = time.process_time()
        gc.collect()
        return time.process_time() - began

    gc.collect()
    before = goes_through_all()
    spare_what_is_loaded()
    try:
        assert goes_through_all() < before / 4
    finally:
        gc.unfreeze()


def test_after_sigkill_it_starts_with_all_it_had_and_sigterm_leaves_no_process(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    killed = home.serve()
    home.deposit("50.00")
    killed.kill()

    served = home.serve()
    home.tokens.clear()

    assert home.get("/api/wallet", "customer")["balance"] == "50.00"
    assert home.deposit("20.00", key="another") != home.deposit("50.00")
    assert home.get("/api/wallet", "customer")["balance"] == "70.00"
    assert served.end(signal.SIGTERM, STOP_SECONDS_MAX) == 0
    assert processes_of(home.data) == []


def test_the_second_start_finds_people_balances_and_stripes_objects(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    home.serve()
    home.deposit("50.00")
    calls = len(home.control("/calls", method="GET")["data"])
    home.running[-1].end(signal.SIGTERM, STOP_SECONDS_MAX)

    home.serve()
    home.sign_in("customer")

    assert home.get("/api/wallet", "customer")["balance"] == "50.00"
    assert len(home.control("/calls", method="GET")["data"]) == calls > 0
    assert home.control("/books", method="GET")["balanced"]


@pytest.mark.parametrize("to_the_group", [False, True], ids=["alone", "as a terminal sends it"])
def test_ctrl_c_in_the_middle_of_a_slow_call_stops_everything_and_loses_nothing(
    home_of_jobsphere: Home, to_the_group: bool
) -> None:
    home = home_of_jobsphere
    served = home.serve(own_group=True)
    home.sign_in("customer")
    home.control("/faults", [{"match": "POST /v1/payment_intents", "kind": "slow", "seconds": 30}])
    body = {"amount": "50.00", "paymentMethodId": "pm_card_bypassPending"}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(home.ask, "POST", "/api/wallet/deposit", "customer", body, key="deposit")
        until("Stripe was asked", lambda: "/v1/customers" in _paths(home))
        began = time.monotonic()
        if to_the_group:
            os.killpg(served.pid, signal.SIGINT)
        else:
            served.send(signal.SIGINT)
        code = served.wait(2 * STOP_SECONDS_MAX)
        took_seconds = time.monotonic() - began
        with suppress(httpx.HTTPError):
            asked.result()

    assert took_seconds < STOP_SECONDS_MAX
    assert code == 0, served.tail()
    assert processes_of(home.data) == []
    assert "Traceback" not in served.tail()
    home.serve()
    deposit_id = home.post("/api/wallet/deposit", "customer", body, key="deposit")["depositId"]
    # The request has it for thirty seconds, a worker after that.
    home.run("UPDATE deposits SET next_try_at = now()")
    home.wait(f"/api/wallet/deposits/{deposit_id}", "customer", status="completed")
    assert home.get("/api/wallet", "customer")["balance"] == "50.00"


@pytest.mark.parametrize("to_the_group", [False, True], ids=["alone", "as a terminal sends it"])
def test_ctrl_c_stops_it_at_rest_at_once(home_of_jobsphere: Home, to_the_group: bool) -> None:
    served = home_of_jobsphere.serve(own_group=True)

    if to_the_group:
        os.killpg(served.pid, signal.SIGINT)
    else:
        served.send(signal.SIGINT)

    assert served.wait(5) == 0, served.tail()
    assert processes_of(home_of_jobsphere.data) == []
    assert "Traceback" not in served.tail()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after_seconds", [0.8, 1.4, 1.9])
def test_stopped_while_it_starts_it_leaves_no_process(
    home_of_jobsphere: Home, number: signal.Signals, after_seconds: float
) -> None:
    starting = home_of_jobsphere.start("serve", "--port", "0")
    with suppress(AssertionError):
        until("never", lambda: starting.poll() is not None, seconds_max=after_seconds)

    starting.end(number, STOP_SECONDS_MAX)

    assert processes_of(home_of_jobsphere.data) == []


def test_when_its_postgresql_is_killed_it_brings_it_back_and_answers_again(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    served = home.serve()
    home.deposit("50.00")
    dead = home.postmaster()

    psutil.Process(dead).kill()

    until("there is another one", lambda: home.postmaster() != dead, seconds_max=30)
    until("it is ready", lambda: home.http.get("/health/ready").is_success, seconds_max=30)
    assert home.get("/api/wallet", "customer")["balance"] == "50.00"
    home.deposit("20.00", key="another")
    assert home.get("/api/wallet", "customer")["balance"] == "70.00"
    assert served.poll() is None


def test_when_its_sandbox_is_killed_with_it_the_next_start_is_not_disturbed(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    served = home.serve()
    children = psutil.Process(served.pid).children()
    served.kill()

    until("the sandbox is gone", lambda: not any(child.is_running() for child in children if _is_sandbox(child)))

    home.serve()
    home.deposit("50.00")


def test_without_its_worker_another_process_does_the_work(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    home.serve("--no-worker")
    worker = home.start("worker")
    home.deposit("200.00")
    job = home.post("/api/jobs", "customer", {"title": "Paint", "description": "Green."})["job"]
    contractor_id = home.get("/api/me", "contractor")["user"]["id"]
    body = {"jobId": job["id"], "contractorId": contractor_id, "amount": "100.00"}
    offer = home.post("/api/offers", "customer", body)["offer"]
    home.post(f"/api/offers/{offer['id']}/accept", "contractor", {})
    home.post(f"/api/jobs/{job['id']}/complete", "customer", {})
    account_id = home.post("/api/wallet/connect", "contractor", {})["accountId"]
    home.control("/dashboard/onboard", {"account": account_id, "outcome": "complete"})
    home.wait("/api/wallet/connect/status", "contractor", onboarded=True)

    withdrawal = home.post("/api/wallet/withdraw", "contractor", {"amount": "80.00"})
    path = f"/api/wallet/withdrawals/{withdrawal['withdrawalId']}"
    home.wait(path, "contractor", state="in_transit")
    home.control("/clock/advance", {"seconds": 50 * 3600})

    home.wait(path, "contractor", state="paid", status="completed")
    assert worker.end(signal.SIGTERM, STOP_SECONDS_MAX) == 0, worker.tail()
    assert home.start("check").wait(30) == 0


def test_without_any_worker_nothing_is_credited(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    home.serve("--no-worker")
    body = {"amount": "50.00", "paymentMethodId": "pm_card_bypassPending"}

    deposit_id = home.post("/api/wallet/deposit", "customer", body)["depositId"]
    home.control("/deliveries/drain")

    assert home.get(f"/api/wallet/deposits/{deposit_id}", "customer")["status"] == "pending"


def test_a_second_one_with_the_same_sandbox_is_refused_and_the_first_goes_on(new_home: Callable[[], Home]) -> None:
    first, second = new_home(), new_home()
    first.serve()
    second.settings["JOBSPHERE_HOME"] = str(first.data)

    refused = second.start("serve", "--port", "0")

    assert refused.wait(30) == 2
    assert "Another JobSphere serves with the Stripe sandbox" in refused.tail()
    first.deposit("50.00")
    assert first.http.get("/health/ready").is_success


def _paths(home: Home) -> set[str]:
    return {call["path"] for call in home.control("/calls", method="GET")["data"]}


def _is_sandbox(process: psutil.Process) -> bool:
    try:
        return "stripe_sandbox" in process.cmdline()
    except psutil.Error:
        return False
