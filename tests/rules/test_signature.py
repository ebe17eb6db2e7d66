"""Signatures: as Stripe's own SDK judges them, but stricter with the future and sturdier with what breaks it."""

import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.stripe_gateway.signature import AGE_SECONDS_MAX, AHEAD_SECONDS_MAX, WrongSignature, verify

SECRET = "whsec_test"
BODY = b'{"id": "evt_1", "object": "event"}'
NOW = datetime(2026, 1, 1, tzinfo=UTC)
JSON_TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


def signature(body: bytes, timestamp: int | str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def header(body: bytes = BODY, *, at: datetime = NOW, secret: str = SECRET) -> str:
    timestamp = int(at.timestamp())
    return f"t={timestamp},v1={signature(body, timestamp, secret)}"


def ours(body: bytes, signed: str | None, *secrets: str, now: datetime = NOW) -> bool:
    try:
        verify(body, signed, secrets or (SECRET,), now)
    except WrongSignature:
        return False
    return True


def sdks(body: str, signed: str, *, tolerance: int = AGE_SECONDS_MAX) -> bool:
    try:
        return stripe.WebhookSignature.verify_header(body, signed, SECRET, tolerance)  # type: ignore[no-any-return]
    except stripe.SignatureVerificationError:
        return False


@given(JSON_TEXT)
def test_both_accept_what_stripe_signed(body: str) -> None:
    now = datetime.now(UTC)
    signed = header(body.encode(), at=now)

    assert sdks(body, signed)
    assert ours(body.encode(), signed, now=now)


@given(JSON_TEXT, JSON_TEXT)
def test_both_refuse_another_body(body: str, other: str) -> None:
    now = datetime.now(UTC)
    signed = header(body.encode(), at=now)

    assert sdks(other, signed) is ours(other.encode(), signed, now=now) is (body == other)


@given(st.data(), JSON_TEXT)
def test_both_refuse_a_header_with_one_changed_character(data: st.DataObject, body: str) -> None:
    now = datetime.now(UTC)
    signed = header(body.encode(), at=now)
    place = data.draw(st.integers(0, len(signed) - 1))
    character = data.draw(st.sampled_from("0123456789abcdef=,tv"))
    tampered = signed[:place] + character + signed[place + 1 :]

    assert ours(body.encode(), tampered, now=now) is (tampered == signed)
    assert sdks(body, tampered) is (tampered == signed)


@pytest.mark.parametrize("age_seconds", [-30, 0, 5, 290, 310, 3600])
def test_both_judge_age_the_same(age_seconds: int) -> None:
    now = datetime.fromtimestamp(time.time(), UTC)
    signed = header(at=now - timedelta(seconds=age_seconds))

    assert sdks(BODY.decode(), signed) is ours(BODY, signed, now=now) is (age_seconds <= AGE_SECONDS_MAX)


@pytest.mark.parametrize(
    ("ahead_seconds", "accepted"), [(AHEAD_SECONDS_MAX, True), (AHEAD_SECONDS_MAX + 1, False)]
)
def test_the_future_is_refused_though_the_sdk_accepts_it(ahead_seconds: int, accepted: bool) -> None:
    assert ours(BODY, header(at=NOW + timedelta(seconds=ahead_seconds))) is accepted
    assert sdks(BODY.decode(), header(at=datetime.now(UTC) + timedelta(hours=1)))


@pytest.mark.parametrize(("age_seconds", "accepted"), [(AGE_SECONDS_MAX, True), (AGE_SECONDS_MAX + 1, False)])
def test_five_minutes_are_the_limit(age_seconds: int, accepted: bool) -> None:
    assert ours(BODY, header(at=NOW - timedelta(seconds=age_seconds))) is accepted


def test_a_body_that_is_not_text_is_judged_by_its_bytes() -> None:
    body = b"\xff\xfe\x00\x80"

    assert ours(body, header(body))
    assert not ours(body + b"\x00", header(body))


def test_while_a_secret_is_rolled_either_signature_will_do() -> None:
    timestamp = int(NOW.timestamp())
    old, new = (signature(BODY, timestamp, secret) for secret in ("whsec_old", "whsec_new"))
    both = f"t={timestamp},v1={old},v1={new}"

    assert ours(BODY, both, "whsec_new")
    assert ours(BODY, both, "whsec_old")
    assert ours(BODY, f"t={timestamp},v1={old}", "whsec_new", "whsec_old")
    assert not ours(BODY, both, "whsec_other")


def test_another_scheme_is_ignored() -> None:
    timestamp = int(NOW.timestamp())
    right, wrong = signature(BODY, timestamp), "0" * 64

    assert ours(BODY, f"t={timestamp},v0={wrong},v1={right}")
    assert not ours(BODY, f"t={timestamp},v0={right}")
    assert not ours(BODY, f"t={timestamp},v0={right},v1={wrong}")


@pytest.mark.parametrize("secrets", [(), ("",), ("", "")])
def test_without_a_secret_nothing_is_genuine_not_even_what_is_signed_with_nothing(
    secrets: tuple[str, ...],
) -> None:
    with pytest.raises(WrongSignature):
        verify(BODY, header(secret=""), secrets, NOW)


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        *("", " ", ",", "=", "t", "t=", "v1=", "t=,v1=", "t=1", "v1=abc", "t=abc,v1=abc", "garbage"),
        *("t=-1,v1=a", "t=+1,v1=a", "t=1.5,v1=a", "t= 1,v1=a", "t=1e9,v1=a", "t=９,v1=a", "t=٣,v1=a"),  # noqa: RUF001
        *("t=" + "9" * 400 + ",v1=a", "t=1767225600,v1=é", "t=1767225600,v1=\ud800", "\x00", "t=\x001,v1=\x00"),
    ],
)
def test_garbage_is_a_wrong_signature_and_nothing_worse(garbage: str | None) -> None:
    assert not ours(BODY, garbage)


def test_a_giant_header_is_refused_even_where_a_right_signature_is_in_it() -> None:
    timestamp = int(NOW.timestamp())
    padding = ",".join("v1=" + "0" * 64 for _ in range(1000))

    assert not ours(BODY, f"{header()},{padding}")
    assert not ours(BODY, f"t={timestamp}" + ",v1=" * 1_000_000)


def test_a_timestamp_that_no_calendar_has_is_refused_even_when_signed() -> None:
    for timestamp in ("999999999999", "9" * 13, "0", "0" * 12):
        assert not ours(BODY, f"t={timestamp},v1={signature(BODY, timestamp)}")


@given(st.binary(max_size=50), st.text(max_size=100), st.text(st.characters(codec="utf-8"), max_size=10))
def test_whatever_comes_nothing_but_a_wrong_signature_is_raised(body: bytes, signed: str, secret: str) -> None:
    assert not ours(body, signed, secret)


@given(st.lists(st.tuples(st.sampled_from(["t", "v1", "v0", "", " t"]), st.text(max_size=20)), max_size=6))
def test_whatever_fields_come_nothing_but_a_wrong_signature_is_raised(fields: list[tuple[str, str]]) -> None:
    assert not ours(BODY, ",".join(f"{name}={value}" for name, value in fields))
