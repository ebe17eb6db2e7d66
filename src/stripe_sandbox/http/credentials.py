"""Who asks: the API key, and the connected account that it acts on."""

import base64
import binascii
import re

from stripe_sandbox.http.errors import StripeError, invalid, unknown_account
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import PLATFORM

Headers = dict[str, str]

# A version, and perhaps names of previews after it.
VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?( *;[ -~]*)?")


def api_key(headers: Headers) -> str:
    """The test key of the request, as bearer token or as user name.

    Raises:
        StripeError: 401, there is none, or it is not a test key.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    key = credentials.strip() if scheme.lower() == "bearer" else _user_name(credentials)
    if not key:
        raise StripeError(
            401, "You did not provide an API key in the Authorization header, as in `Bearer sk_test_…`."
        )
    if not key.startswith(("sk_test_", "pk_test_")):
        # Nothing of a live key may stand in an answer, which others might log.
        shown = "a live key" if "_live_" in key else f"{key[:8]}{'*' * 8}"
        raise StripeError(401, f"Invalid API Key provided: {shown}. The sandbox takes test keys only.")
    return key


def acting_account(sandbox: Sandbox, headers: Headers, key: str) -> str:
    """The account that the request is made for: the platform, or the one in ``Stripe-Account``.

    Raises:
        StripeError: 403, there is no such connected account.
    """
    name = headers.get("stripe-account", PLATFORM)
    account = sandbox.store.get(name)
    if account is None or account["object"] != "account" or account.get("_deleted"):
        raise unknown_account(key, name)
    return name


def check_version(headers: Headers) -> None:
    """Take any version that looks like one; all are answered alike.

    Raises:
        StripeError: 400, it looks like none.
    """
    version = headers.get("stripe-version")
    if version is not None and not VERSION.fullmatch(version):
        raise invalid(f"Invalid Stripe API version: {version[:40]}")


def _user_name(credentials: str) -> str:
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
