"""Envelopes: whatever bytes a webhook brings are named, typed or parked, and never raise."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsphere.webhooks.envelope import Envelope, glance, open_envelope, read_json

EVENT = {"id": "evt_1", "object": "event", "type": "payout.paid", "account": "acct_1", "livemode": False}


def envelope(event: Any, *, livemode: bool = False) -> Envelope:
    return open_envelope(json.dumps(event).encode(), livemode=livemode)


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_an_event_is_named_by_its_id_and_has_no_problem() -> None:
    assert envelope(EVENT) == Envelope("evt_1", "payout.paid", "acct_1", livemode=False)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON"),
        (b"not json", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"{" * 50_000, "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "not JSON"),
        (b"9" * 5_000, "not JSON"),  # more digits than Python reads
        (b"[]", "not an event"),
        (b"null", "not an event"),
        (b"NaN", "not JSON"),
        (b'{"object": "event", "id": "evt_1", "type": "a", "data": -Infinity}', "not JSON"),
        (b'\xef\xbb\xbf{"object": "event", "type": "a"}', "not JSON"),
        ('{"object": "event", "type": "a"}'.encode("utf-16"), "not JSON"),
        (b'"event"', "not an event"),
        (b'{"id": "evt_1"}', "not an event"),
        (b'{"id": "evt_1", "object": ["event"]}', "not an event"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else value,
)
def test_what_is_no_event_is_named_by_its_bytes_and_parked(body: bytes, problem: str) -> None:
    assert open_envelope(body, livemode=False) == Envelope(digest(body), problem=problem)


def test_a_thin_event_is_an_event() -> None:
    thin = {"id": "evt_2", "object": "v2.core.event", "type": "v2.core.account.updated", "context": "acct_1"}

    assert envelope(thin) == Envelope("evt_2", "v2.core.account.updated")


def test_the_account_of_an_event_before_2017_is_its_user_id() -> None:
    old = {"id": "evt_3", "object": "event", "type": "account.updated", "user_id": "acct_1", "request": "req_1"}

    assert envelope(old).account_id == "acct_1"


@pytest.mark.parametrize("id_", [None, "", 5, True, ["evt_1"], {"id": 1}, "evt\x00", "x" * 256, "\ud800", "a\nb"])
def test_an_event_without_a_usable_id_is_named_by_its_bytes(id_: Any) -> None:
    event = {**EVENT, "id": id_}

    assert envelope(event).event_key == digest(json.dumps(event).encode())


@pytest.mark.parametrize("type_", [None, "", 5, ["payout.paid"], "payout\x00paid", "x" * 256])
def test_an_event_without_a_usable_type_is_parked(type_: Any) -> None:
    assert envelope({**EVENT, "type": type_}).problem == "no type"


@pytest.mark.parametrize(
    ("livemode", "expected", "problem"),
    [
        (True, False, "live event in test mode"),
        (False, True, "test event in live mode"),
        (True, True, None),
        (False, False, None),
        ("true", False, None),
        (None, True, None),
    ],
)
def test_a_connect_endpoint_gets_events_of_the_other_mode_and_parks_them(
    livemode: Any, expected: bool, problem: str | None
) -> None:
    assert envelope({**EVENT, "livemode": livemode}, livemode=expected).problem == problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*EVENT, "data"]), JSON), st.booleans())
def test_whatever_an_event_says_of_itself_postgresql_can_hold(fields: dict[str, Any], livemode: bool) -> None:
    found = envelope({"object": "event", **fields}, livemode=livemode)

    assert found.event_key
    for text in (found.event_key, found.type, found.account_id):
        if text is not None:
            assert 0 < len(text) <= 255
            assert b"\x00" not in text.encode()
    assert found.livemode in (None, True, False)
    assert found.type is not None or found.problem is not None


SIGNS = '{}[]:,"\\ \n0123456789.eE+-abuntrfls\u00e9\ud83d'
NEARLY_JSON = st.text(SIGNS, max_size=30) | st.builds(json.dumps, JSON, ensure_ascii=st.booleans())


@given(NEARLY_JSON)
def test_a_glance_sees_what_is_read_later(text: str) -> None:
    body = text.encode(errors="surrogatepass")
    try:
        read = read_json(body)
    except ValueError:
        return
    assert glance(body) == read


@pytest.mark.parametrize(
    "body",
    [
        b'{"object": "event", "id": "evt_1", "id": "evt_2", "type": "a"}',
        b'{"object": "event", "id": "evt_2", "type": "a", "data": {"b": 1, "b": 2}}',
    ],
    ids=["repeated", "repeated inside"],
)
def test_what_only_a_glance_reads_is_named_and_left_to_the_worker(body: bytes) -> None:
    assert open_envelope(body, livemode=False) == Envelope("evt_2", "a")
    with pytest.raises(ValueError, match="repeated"):
        read_json(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_named(body: bytes) -> None:
    assert open_envelope(body, livemode=False).event_key
