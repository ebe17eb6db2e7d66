"""Identifiers in Stripe's form: a prefix that names the kind, then letters and digits."""

import secrets


def new_id(prefix: str) -> str:
    """An identifier nobody has had, such as ``pi_`` and 24 characters."""
    return f"{prefix}_{secrets.token_hex(12)}"
