"""What whoever is at the server does beside a running JobSphere: ask the doctor, stop withdrawals."""

import json

import pytest

from stripe_sandbox.settings import PLATFORM
from tests.processes.served import Home

pytestmark = pytest.mark.processes


def test_the_doctor_is_content_with_a_running_jobsphere(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    home.serve()

    doctor = home.start("doctor", "--json")

    assert doctor.wait(60) == 0, doctor.tail()
    said = json.loads(doctor.log.read_text())
    assert said["isWell"]
    assert {"payout schedule", "clock", "platform endpoint", "database role"} <= {
        finding["about"] for finding in said["findings"]
    }

    home.control("/dashboard/payout_schedule", {"account": PLATFORM, "interval": "daily"})
    assert home.start("doctor").wait(60) == 1


def test_the_command_line_stops_withdrawals_in_the_process_that_serves(home_of_jobsphere: Home) -> None:
    home = home_of_jobsphere
    home.serve()

    def refusal() -> str:
        answer = home.ask("POST", "/api/wallet/withdraw", "contractor", {"amount": "20.00"})
        code: str = answer.json()["code"]
        return code

    assert home.start("withdrawals", "pause", "--reason", "Odd payouts").wait(60) == 0
    assert refusal() == "withdrawals_paused"
    assert home.start("withdrawals", "resume", "--reason", "All is well").wait(60) == 0
    assert refusal() == "not_onboarded"
