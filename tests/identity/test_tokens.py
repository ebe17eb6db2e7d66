"""Bearer tokens: only ours, unchanged and in time, sign anybody in."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from jobsphere.identity.tokens import InvalidToken, issue, read

SECRET = b"a secret of 32 bytes for tests .."
ANN = UUID("0190aaaa-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLAIMS = {"sub": str(ANN), "iss": "jobsphere", "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 60}


def signed(claims: dict[str, Any], secret: bytes = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def test_a_token_signs_in_its_user_until_it_expires() -> None:
    token = issue(SECRET, ANN, NOW, lifetime_seconds=60)

    assert read(SECRET, token, NOW) == ANN
    assert read(SECRET, token, NOW + timedelta(seconds=59)) == ANN
    with pytest.raises(InvalidToken):
        read(SECRET, token, NOW + timedelta(seconds=60))


def test_time_is_the_given_one_and_not_the_machines() -> None:
    long_ago, far_ahead = datetime(2001, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)

    assert read(SECRET, issue(SECRET, ANN, long_ago, 60), long_ago) == ANN
    assert read(SECRET, issue(SECRET, ANN, far_ahead, 60), far_ahead) == ANN


@pytest.mark.parametrize("missing", ["sub", "iss", "iat", "exp"])
def test_every_claim_is_required(missing: str) -> None:
    assert read(SECRET, signed(CLAIMS), NOW) == ANN
    with pytest.raises(InvalidToken):
        read(SECRET, signed({name: value for name, value in CLAIMS.items() if name != missing}), NOW)


@pytest.mark.parametrize(
    "changed",
    [{"iss": "somebody"}, {"sub": "ann"}, {"sub": 1}, {"exp": str(CLAIMS["exp"])}, {"exp": True}, {"aud": "x"}],
)
def test_a_claim_of_another_kind_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        read(SECRET, signed(CLAIMS | changed), NOW)


def test_another_secret_or_algorithm_is_refused() -> None:
    with pytest.raises(InvalidToken):
        read(SECRET, signed(CLAIMS, secret=SECRET[::-1]), NOW)
    with pytest.raises(InvalidToken):
        read(SECRET, signed(CLAIMS, secret=SECRET * 2, algorithm="HS512"), NOW)


def test_an_unsigned_token_is_refused() -> None:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    for algorithm in ("none", "None", "NONE"):
        with pytest.raises(InvalidToken):
            read(SECRET, f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(CLAIMS)}.", NOW)


@pytest.mark.parametrize("place", range(3))
def test_a_changed_token_is_refused(place: int) -> None:
    parts = issue(SECRET, ANN, NOW, 60).split(".")
    middle = len(parts[place]) // 2
    parts[place] = parts[place][:middle] + "AB"[parts[place][middle] == "A"] + parts[place][middle + 1 :]
    with pytest.raises(InvalidToken):
        read(SECRET, ".".join(parts), NOW)


@pytest.mark.parametrize("text", ["", ".", "..", "ünïcode", "a.b.c", "null", "\x00"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        read(SECRET, text, NOW)


def test_a_short_secret_is_a_mistake_of_whoever_set_it() -> None:
    with pytest.raises(jwt.InvalidKeyError):
        issue(b"short", ANN, NOW, 60)
