"""What the doctor finds: each thing right, each way it can be wrong, and what is unsafe."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobsphere.doctor.findings import (
    Arrivals,
    Finding,
    Keys,
    Level,
    arrivals,
    durability,
    endpoints,
    keys,
    platform_account,
)
from jobsphere.stripe_gateway import setup
from jobsphere.stripe_gateway.setup import Platform, WebhookEndpoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIVE = Keys(True, True, False, ["whsec_1"], ["whsec_2"])
TEST = replace(LIVE, secret_key_is_live=False, publishable_key_is_live=False)
PLATFORM = Platform("acct_1", "manual", "usd", NOW)
ENDPOINT = WebhookEndpoint("we_1", "https://x.example/api/webhooks/stripe", "enabled", "2026", ("a", "b"))
CONNECT = replace(ENDPOINT, id="we_2", url="https://x.example/api/webhooks/stripe/connect/", enabled_events=("*",))


def levels(found: list[Finding]) -> list[Level]:
    assert all(bool(finding.to_do) is (finding.level is not Level.GOOD) for finding in found)
    return [finding.level for finding in found]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (LIVE, [Level.GOOD, Level.GOOD]),
        (TEST, [Level.GOOD, Level.GOOD]),
        (replace(LIVE, publishable_key_is_live=False), [Level.UNSAFE, Level.GOOD]),
        (replace(TEST, publishable_key_is_live=True), [Level.UNSAFE, Level.GOOD]),
        (replace(LIVE, connect_secrets=["whsec_1"]), [Level.GOOD, Level.WRONG]),
        (replace(LIVE, connect_secrets=["whsec_3", "whsec_1"]), [Level.GOOD, Level.WRONG]),
        (replace(TEST, connect_secrets=["whsec_1"]), [Level.GOOD, Level.NOTE]),
        (replace(TEST, platform_secrets=["sk_test_1"]), [Level.GOOD, Level.WRONG]),
        (replace(TEST, uses_sandbox=True), [Level.GOOD]),
    ],
)
def test_keys_are_of_one_mode_and_each_endpoint_has_its_secret(known: Keys, expected: list[Level]) -> None:
    assert levels(keys(known)) == expected


@pytest.mark.parametrize(
    ("fsync", "synchronous_commit", "level"),
    [
        ("on", "on", Level.GOOD),
        ("on", "local", Level.GOOD),
        ("on", "remote_apply", Level.GOOD),
        ("off", "on", Level.UNSAFE),
        ("on", "off", Level.UNSAFE),
    ],
)
def test_what_is_acknowledged_must_be_on_the_disk(fsync: str, synchronous_commit: str, level: Level) -> None:
    assert levels([durability(fsync=fsync, synchronous_commit=synchronous_commit)]) == [level]


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (PLATFORM, [Level.GOOD, Level.GOOD, Level.GOOD]),
        (replace(PLATFORM, payout_interval="daily"), [Level.UNSAFE, Level.GOOD, Level.GOOD]),
        (replace(PLATFORM, payout_interval=None), [Level.UNSAFE, Level.GOOD, Level.GOOD]),
        (replace(PLATFORM, default_currency="eur"), [Level.GOOD, Level.WRONG, Level.GOOD]),
        (replace(PLATFORM, answered_at=NOW + timedelta(seconds=60)), [Level.GOOD, Level.GOOD, Level.GOOD]),
        (replace(PLATFORM, answered_at=NOW + timedelta(seconds=61)), [Level.GOOD, Level.GOOD, Level.WRONG]),
        (replace(PLATFORM, answered_at=NOW - timedelta(hours=1)), [Level.GOOD, Level.GOOD, Level.WRONG]),
        (replace(PLATFORM, answered_at=None), [Level.GOOD, Level.GOOD, Level.NOTE]),
    ],
)
def test_the_platforms_account_keeps_the_money_in_our_currency_and_agrees_about_the_time(
    platform: Platform, expected: list[Level]
) -> None:
    assert levels(platform_account(platform, "usd", NOW)) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([ENDPOINT, CONNECT], [Level.GOOD, Level.GOOD]),
        ([], [Level.WRONG, Level.WRONG]),
        ([CONNECT], [Level.WRONG, Level.GOOD]),
        ([replace(ENDPOINT, status="disabled"), CONNECT], [Level.WRONG, Level.GOOD]),
        ([replace(ENDPOINT, api_version=None), CONNECT], [Level.WRONG, Level.GOOD]),
        ([replace(ENDPOINT, enabled_events=("a",)), CONNECT], [Level.WRONG, Level.GOOD]),
        # One that is right is enough.
        ([replace(ENDPOINT, id="we_0", api_version="2017"), ENDPOINT, CONNECT], [Level.GOOD, Level.GOOD]),
    ],
)
def test_each_endpoint_exists_and_gets_every_event_in_our_version(
    found: list[WebhookEndpoint], expected: list[Level]
) -> None:
    seen = endpoints(found, api_version="2026", platform_events={"a", "b"}, connect_events={"c"})
    assert levels(seen) == expected


def test_a_missing_event_is_named() -> None:
    [platform, _] = endpoints(
        [replace(ENDPOINT, enabled_events=("b",)), CONNECT],
        api_version="2026",
        platform_events={"a", "b"},
        connect_events=set(),
    )
    assert "we_1 does not get a." in platform.says


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], [Level.NOTE, Level.NOTE]),
        ([Arrivals("platform", 3, 0), Arrivals("connect", 3, 2)], [Level.GOOD, Level.GOOD]),
        ([Arrivals("platform", 3, 3)], [Level.WRONG, Level.NOTE]),
    ],
)
def test_events_come_in_the_mode_of_the_key(seen: list[Arrivals], expected: list[Level]) -> None:
    assert levels(arrivals(seen)) == expected


def test_the_time_of_an_answer_is_read_from_its_header() -> None:
    read = setup.platform({"id": "acct_1"}, "Thu, 01 Jan 2026 00:00:00 GMT")
    assert (read.answered_at, read.payout_interval) == (NOW, None)
    assert setup.platform({"id": "acct_1"}, "yesterday").answered_at is None
    assert setup.platform({"id": "acct_1"}, None).answered_at is None
