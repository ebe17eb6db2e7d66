"""Webhook signatures: HMAC-SHA256 over the moment of sending and the raw body."""

import hmac
from hashlib import sha256


def signature_header(body: bytes, secrets: list[str], timestamp: int) -> str:
    """The ``Stripe-Signature`` header: the time in Unix seconds and one ``v1`` signature per valid secret.

    As in Stripe's test mode a ``v0`` follows, which means nothing and must be ignored.
    """
    signed = f"{timestamp}.".encode() + body
    digests = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    return ",".join(
        [f"t={timestamp}", *(f"v1={digest}" for digest in digests), f"v0={sha256(signed).hexdigest()}"]
    )
