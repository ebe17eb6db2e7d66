"""Webhook signatures: HMAC-SHA256 over the moment of sending and the raw body."""

import hashlib
import hmac


def signature_header(body: bytes, secrets: list[str], timestamp: int) -> str:
    """The ``Stripe-Signature`` header: the time in Unix seconds and one ``v1`` signature per valid secret."""
    signed = f"{timestamp}.".encode() + body
    digests = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])
