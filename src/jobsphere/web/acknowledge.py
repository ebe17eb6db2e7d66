"""The short way for Stripe's events: they are answered before the rest of the application is asked.

Routing, logging and validation would cost three times as much as verifying and storing an event does. Only what is
genuine and stored is answered here; everything else goes the usual way, which says what is wrong with it.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobsphere.web.context import Context
from jobsphere.web.limits import WEBHOOK_BODY_BYTES_MAX
from jobsphere.webhooks.receive import Inbox, Source, receive

# In the scope of a request that was not answered here: the exception that says why.
REFUSAL = "jobsphere.webhook_refusal"

_BODY = b'{"received":true}'
_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ],
}
_END: Message = {"type": "http.response.body", "body": _BODY}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the two addresses that Stripe sends to, with the secrets that sign what comes there."""

    source: Source
    secrets: Sequence[str]


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Both addresses. Each has two secrets while one is rolled, separated by a comma: both sign for a day."""
    settings = context.settings
    return {
        "/api/webhooks/stripe": Endpoint(Source.PLATFORM, _secrets(settings.stripe_webhook_secret)),
        "/api/webhooks/stripe/connect": Endpoint(Source.CONNECT, _secrets(settings.stripe_connect_webhook_secret)),
    }


def _secrets(setting: SecretStr | None) -> Sequence[str]:
    return [one.strip() for one in setting.get_secret_value().split(",")] if setting else ()


class AcknowledgeEvents:
    """Around the whole application, its own outermost layers included."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self.app = app
        self.context = context
        self.inbox = Inbox(context.engine)
        self.endpoints = endpoints(context)

    async def __call__(self, scope: Scope, receive_: Receive, send: Send) -> None:
        endpoint = self.endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] != "POST":
            await self.app(scope, receive_, send)
            return
        messages = await _whole(receive_)
        try:
            await self._store(endpoint, scope, b"".join([part.get("body", b"") for part in messages]))
        except Exception as error:  # whatever it is, it is said by those whose task that is
            scope[REFUSAL] = error
            await self.app(scope, _again(messages, receive_), send)
            return
        await send(_START)
        await send(_END)

    def _store(self, endpoint: Endpoint, scope: Scope, body: bytes) -> Awaitable[bool]:
        signature = next((value for name, value in scope["headers"] if name == b"stripe-signature"), None)
        return receive(
            self.inbox,
            source=endpoint.source,
            body=body,
            signature=signature.decode("latin-1") if signature else None,
            secrets=endpoint.secrets,
            livemode=self.context.settings.live,
            now=self.context.clock.now(),
        )


async def _whole(receive_: Receive) -> list[Message]:
    """The messages of the body, as far as a body may be long."""
    messages = [await receive_()]
    length = len(messages[0].get("body", b""))
    while messages[-1].get("more_body", False) and length <= WEBHOOK_BODY_BYTES_MAX:
        messages.append(await receive_())
        length += len(messages[-1].get("body", b""))
    return messages


def _again(messages: Sequence[Message], receive_: Receive) -> Receive:
    """What was read already, once more, and then what comes."""
    waiting = list(messages)

    async def receive_again() -> Message:
        return waiting.pop(0) if waiting else await receive_()

    return receive_again
