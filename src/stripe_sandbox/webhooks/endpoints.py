"""Webhook endpoints: where events go, which ones, and the secrets that sign them."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stripe_sandbox.http.call import Call
from stripe_sandbox.http.credentials import VERSION
from stripe_sandbox.http.errors import invalid, refused
from stripe_sandbox.http.lists import list_parameters, page
from stripe_sandbox.http.parameters import (
    Parameters,
    array,
    boolean,
    clearable,
    merged_metadata,
    metadata,
    text,
)
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import API_VERSION, PLATFORM
from stripe_sandbox.store import Record, shown
from stripe_sandbox.webhooks.event_types import EVENT_TYPES

ENDPOINTS_MAX = 16


def _event_type(value: Any, name: str) -> str:
    """The type of an event, or ``*`` for all."""
    if value != "*" and value not in EVENT_TYPES:
        raise invalid(f"Invalid {name}: there is no event of the type {str(value)[:80]}", name)
    return str(value)


def _version(value: Any, name: str) -> str:
    """A version of Stripe's API; events of the endpoint say it, and are all of the sandbox's own all the same."""
    if not VERSION.fullmatch(text(value, name)):
        raise invalid(f"Invalid API version: {value[:40]}", name)
    return str(value)


CREATE = Parameters(
    required={"enabled_events": array(_event_type), "url": text},
    optional={
        "api_version": _version,
        "connect": boolean,
        "description": clearable(text),
        "metadata": metadata,
    },
)
UPDATE = Parameters(
    optional={
        "description": clearable(text),
        "disabled": boolean,
        "enabled_events": array(_event_type),
        "metadata": metadata,
        "url": text,
    }
)
LIST = list_parameters()
ENVIRONMENT = (
    ("STRIPE_SANDBOX_WEBHOOK", False),
    ("STRIPE_SANDBOX_CONNECT_WEBHOOK", True),
)


def listen(sandbox: Sandbox, url: str, secret: str, *, connect: bool, identifier: str | None = None) -> Record:
    """Have all events sent to ``url``; an endpoint with the same ``identifier`` or URL and kind is replaced."""
    for known in list(sandbox.store.of_kind("webhook_endpoint")):
        if known["id"] == identifier or (known["url"], known["_connect"]) == (url, connect):
            return _replace(sandbox, known, url, secret)
    name = {"id": identifier} if identifier else {}
    endpoint = _new(sandbox, url, secret, connect=connect, **name)
    # Whoever listens this way is written for the version that the sandbox speaks, and pins it as one should.
    sandbox.store.change(endpoint, api_version=API_VERSION)
    return endpoint


def listen_as_environment_says(sandbox: Sandbox, environment: Mapping[str, str]) -> None:
    """Take the platform's and the Connect endpoint from ``…_URL`` and ``…_SECRET``, replacing earlier ones."""
    for prefix, connect in ENVIRONMENT:
        url, secret = environment.get(f"{prefix}_URL"), environment.get(f"{prefix}_SECRET")
        if url and secret:
            name = "we_environment_connect" if connect else "we_environment_platform"
            listen(sandbox, url, secret, connect=connect, identifier=name)


def valid_secrets(sandbox: Sandbox, endpoint: Record) -> list[str]:
    """The secrets that sign now: the newest first, then the one before while it has not run out."""
    former = endpoint.get("_former")
    still_valid = [former["secret"]] if former and sandbox.clock.now() < former["until"] else []
    return [*endpoint["_secrets"], *still_valid]


def roll_secret(sandbox: Sandbox, endpoint: Record, secret: str | None, overlap_seconds: int) -> Record:
    """Sign with a new secret from now on, and with the former one, too, for the overlap. Returns the new one."""
    former = {"secret": endpoint["_secrets"][0], "until": sandbox.clock.now() + overlap_seconds}
    new = secret or f"whsec_{secrets.token_hex(16)}"
    sandbox.store.change(endpoint, _secrets=[new], _former=former)
    return shown(endpoint) | {"secret": new}


def create(call: Call) -> Record:
    """A new endpoint; its secret is shown in this answer only.

    Raises:
        StripeError: the URL is none, or there are as many endpoints as there may be.
    """
    if call.sandbox.store.count("webhook_endpoint") >= ENDPOINTS_MAX:
        raise refused(f"You have reached the maximum of {ENDPOINTS_MAX} test webhook endpoints.")
    secret = f"whsec_{secrets.token_hex(16)}"
    endpoint = _new(call.sandbox, _checked_url(call), secret, connect=call.get("connect", False))
    endpoint |= {
        "enabled_events": call.params["enabled_events"],
        "description": call.get("description"),
        "metadata": merged_metadata({}, call.get("metadata", {})),
        "api_version": call.get("api_version"),
    }
    return shown(endpoint) | {"secret": secret}


def update(call: Call) -> Record:
    """Change where events go, which ones, or switch the endpoint off."""
    endpoint = call.named("webhook_endpoint", "webhook_endpoint")
    changes = dict(call.params)
    if "url" in changes:
        _checked_url(call)
    if "disabled" in changes:
        changes["status"] = "disabled" if changes.pop("disabled") else "enabled"
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(endpoint["metadata"], changes["metadata"])
    call.sandbox.store.change(endpoint, **changes)
    return endpoint


def retrieve(call: Call) -> Record:
    """One endpoint, without its secret."""
    return call.named("webhook_endpoint", "webhook_endpoint")


def list_endpoints(call: Call) -> Record:
    """All endpoints, newest first, without their secrets."""
    return page(call, "webhook_endpoint", "/v1/webhook_endpoints", {})


def delete(call: Call) -> Record:
    """Stop sending to an endpoint for good."""
    endpoint = call.named("webhook_endpoint", "webhook_endpoint")
    call.sandbox.store.remove(endpoint)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _new(sandbox: Sandbox, url: str, secret: str, *, connect: bool, **fields: str) -> Record:
    return sandbox.add(
        "webhook_endpoint",
        "we",
        PLATFORM,
        api_version=None,
        application=None,
        description=None,
        enabled_events=["*"],
        livemode=False,
        metadata={},
        status="enabled",
        url=url,
        _connect=connect,
        _secrets=[secret],
        _former=None,
        **fields,
    )


def _replace(sandbox: Sandbox, endpoint: Record, url: str, secret: str) -> Record:
    sandbox.store.change(endpoint, url=url, status="enabled", _secrets=[secret], _former=None)
    return endpoint


def _checked_url(call: Call) -> str:
    url: str = call.params["url"]
    if urlsplit(url).scheme not in ("http", "https"):
        raise invalid("Invalid URL: an explicit scheme (such as https) must be provided.", "url", "url_invalid")
    return url
