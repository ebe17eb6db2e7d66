"""Bearer tokens: who signed in and until when, signed so that nobody can change it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from jwt import PyJWT
from jwt.exceptions import InvalidTokenError

_ALGORITHM = "HS256"
_ISSUER = "jobsphere"
_CLAIMS = ["exp", "iat", "sub", "iss"]
# Times are judged by our own clock, below: PyJWT would ask the machine's.
_jwt = PyJWT(
    {
        "require": _CLAIMS,
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "enforce_minimum_key_length": True,
    }
)


class InvalidToken(Exception):
    """The token is not one of ours, was changed, or has expired."""


def issue(secret: bytes, user_id: UUID, now: datetime, lifetime_seconds: int) -> str:
    """A token with which ``user_id`` is signed in from ``now`` for ``lifetime_seconds``.

    ``secret`` has at least 32 bytes.
    """
    issued_at = int(now.timestamp())
    claims = {
        "sub": str(user_id),
        "iss": _ISSUER,
        "iat": issued_at,
        "exp": issued_at + lifetime_seconds,
    }
    return _jwt.encode(claims, secret, algorithm=_ALGORITHM)


def read(secret: bytes, token: str, now: datetime) -> UUID:
    """The id of the user whom the token signs in at ``now``.

    Raises:
        InvalidToken: for every other token, whatever is wrong with it.
    """
    try:
        claims = _jwt.decode(token, secret, algorithms=[_ALGORITHM], issuer=_ISSUER)
    except (InvalidTokenError, ValueError) as error:
        raise InvalidToken from error
    if _has_expired(claims, now):
        raise InvalidToken
    try:
        return UUID(claims["sub"])
    except ValueError as error:
        raise InvalidToken from error


def _has_expired(claims: dict[str, Any], now: datetime) -> bool:
    expires_at = claims["exp"]
    return type(expires_at) is not int or expires_at <= now.timestamp()
