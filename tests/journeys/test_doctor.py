"""The doctor asks Stripe and PostgreSQL, finds what was set wrong, and keeps a live platform from starting."""

from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from jobsphere.clock import SystemClock
from jobsphere.doctor import examine
from jobsphere.doctor.findings import Finding, Level
from jobsphere.settings import ConfigurationError, Settings
from jobsphere.stripe_gateway.client import StripeGateway
from tests.conftest import Databases
from tests.journeys.conftest import JobSphere, settings_for_tests

LIVE = {"stripe_secret_key": SecretStr("sk_live_x"), "stripe_publishable_key": "pk_live_x"}


def live() -> Settings:
    """Settings that no environment could give: a live key and the sandbox, to which nothing live is ever sent."""
    return settings_for_tests().model_copy(update=LIVE)


def about(found: list[Finding]) -> dict[str, Level]:
    return {finding.about: finding.level for finding in found}


async def asked(jobsphere: JobSphere) -> dict[str, Level]:
    return about(await examine.stripe(jobsphere.gateway, settings_for_tests(), SystemClock()))


async def test_of_a_platform_that_is_set_up_right_everything_is_good(jobsphere: JobSphere) -> None:
    assert await asked(jobsphere) == dict.fromkeys(
        ("payout schedule", "currency", "clock", "platform endpoint", "connect endpoint"), Level.GOOD
    )


async def test_automatic_payouts_are_unsafe_and_keep_a_live_platform_from_starting(jobsphere: JobSphere) -> None:
    await examine.require_safe(jobsphere.gateway, live(), SystemClock())
    await jobsphere.sandbox.set_payout_schedule("daily")

    assert (await asked(jobsphere))["payout schedule"] is Level.UNSAFE
    with pytest.raises(ConfigurationError, match="set the payout schedule to manual"):
        await examine.require_safe(jobsphere.gateway, live(), SystemClock())


async def test_keys_of_two_modes_keep_a_live_platform_from_starting(jobsphere: JobSphere) -> None:
    mixed = live().model_copy(update={"stripe_publishable_key": "pk_test_x"})
    with pytest.raises(ConfigurationError, match="same mode"):
        await examine.require_safe(jobsphere.gateway, mixed, SystemClock())


async def test_an_endpoint_without_our_events_is_found_and_logged_at_a_live_start(jobsphere: JobSphere) -> None:
    for endpoint in await jobsphere.sandbox.webhook_endpoints():
        await _change(jobsphere, endpoint["id"], {"enabled_events[0]": "payout.paid"})

    found = await asked(jobsphere)
    assert (found["platform endpoint"], found["connect endpoint"]) == (Level.WRONG, Level.WRONG)
    with capture_logs() as logs:
        await examine.require_safe(jobsphere.gateway, live(), SystemClock())
    assert [line["about"] for line in logs if line["event"] == "doctor.finding"] == [
        "platform endpoint",
        "connect endpoint",
    ]


async def _change(jobsphere: JobSphere, endpoint_id: str, form: dict[str, Any]) -> None:
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    url = f"{jobsphere.sandbox_url}/v1/webhook_endpoints/{endpoint_id}"
    assert (await jobsphere.http.post(url, data=form, headers=headers)).status_code == 200


async def test_while_stripe_is_silent_the_doctor_says_so_and_a_live_platform_starts(jobsphere: JobSphere) -> None:
    await jobsphere.sandbox.plan_faults({"match": "GET /v1/account", "kind": "error_before", "times": 99})
    assert await asked(jobsphere) == {"Stripe": Level.NOTE}
    await examine.require_safe(jobsphere.gateway, live(), SystemClock())


async def test_a_key_that_stripe_does_not_know_is_found(jobsphere: JobSphere) -> None:
    gateway = StripeGateway(secret_key="nonsense", api_base=jobsphere.sandbox_url, timeout_seconds=8)
    try:
        assert about(await examine.stripe(gateway, settings_for_tests(), SystemClock())) == {"Stripe": Level.WRONG}
    finally:
        await gateway.close()


async def test_the_application_of_a_new_schema_is_well(databases: Databases, database: str) -> None:
    settings = settings_for_tests(stripe_secret_key=SecretStr("sk_test_x"))
    found = about(await examine.postgres(databases.url(database), settings))
    assert found == {
        "PostgreSQL": Level.GOOD,
        "schema": Level.GOOD,
        "database role": Level.GOOD,
        # The PostgreSQL of the tests is quick instead.
        "durability": Level.UNSAFE,
        "events of the platform endpoint": Level.NOTE,
        "events of the connect endpoint": Level.NOTE,
    }


async def test_a_postgresql_that_forgets_keeps_a_live_platform_from_starting(jobsphere: JobSphere) -> None:
    with pytest.raises(ConfigurationError, match="fsync = off and synchronous_commit = off"):
        await examine.require_durable(jobsphere.engine)


async def test_the_owner_is_the_wrong_role_and_an_empty_database_has_no_schema(
    databases: Databases, database: str, empty_database: str
) -> None:
    as_owner = about(await examine.postgres(databases.owner_url(database), settings_for_tests()))
    empty = about(await examine.postgres(databases.url(empty_database), settings_for_tests()))

    assert as_owner["database role"] is Level.WRONG
    assert empty["schema"] is Level.WRONG


async def test_a_database_that_is_not_there_is_found_and_not_a_stack_trace(databases: Databases) -> None:
    found = await examine.postgres(databases.url("not_there"), settings_for_tests())
    assert {finding.level for finding in found} == {Level.WRONG}
    assert "not_there" in found[0].says


async def test_events_that_came_are_of_the_keys_mode(
    jobsphere: JobSphere, databases: Databases, database: str
) -> None:
    await jobsphere.earned("100")
    url = databases.url(database)
    test = settings_for_tests(stripe_secret_key=SecretStr("sk_test_x"))

    assert about(await examine.postgres(url, test))["events of the platform endpoint"] is Level.GOOD
    assert about(await examine.postgres(url, live()))["events of the platform endpoint"] is Level.WRONG
