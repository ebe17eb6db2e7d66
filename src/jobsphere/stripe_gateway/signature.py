"""Whether a webhook comes from Stripe, judged on the bytes that came.

The scheme is Stripe's (docs.stripe.com/webhooks, "Verify webhook signatures manually"; stripe.md section 8).
The SDK's own check decodes the body first and accepts timestamps from the future; a test compares the two.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

AGE_SECONDS_MAX = 300
AHEAD_SECONDS_MAX = 60

_TIMESTAMP = re.compile("[0-9]{1,12}", re.ASCII)
_HEADER_CHARACTERS_MAX = 4096


class WrongSignature(Exception):
    """Not signed with one of our secrets, too old, or from the future; the message says which, for the log."""


def verify(body: bytes, header: str | None, secrets: Iterable[str], now: datetime) -> None:
    """Return if one of ``secrets`` signed ``body`` within the last five minutes.

    Raises:
        WrongSignature: in every other case.
    """
    if not header or len(header) > _HEADER_CHARACTERS_MAX:
        raise WrongSignature("no signature header")
    fields = [part.strip().partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in fields if name == "t"), "")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise WrongSignature("no timestamp")
    signatures = [value for name, _, value in fields if name == "v1"]
    if not any(_signed(body, timestamp, secret, signatures) for secret in secrets if secret):
        raise WrongSignature("no matching signature")
    age_seconds = now.timestamp() - int(timestamp)
    if age_seconds > AGE_SECONDS_MAX:
        raise WrongSignature("too old")
    if age_seconds < -AHEAD_SECONDS_MAX:
        raise WrongSignature("from the future")


def _signed(body: bytes, timestamp: str, secret: str, signatures: Iterable[str]) -> bool:
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    # Bytes, since compare_digest refuses text that is not ASCII.
    return any(hmac.compare_digest(expected, signature.encode(errors="replace")) for signature in signatures)
