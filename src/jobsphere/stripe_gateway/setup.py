"""How the platform is set up at Stripe: its own account, and where Stripe sends events. As plain data."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from jobsphere.stripe_gateway.objects import Json, UnreadableObject, account


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform's own account, as far as it must be set up right."""

    id: str
    payout_interval: str | None
    default_currency: str | None
    answered_at: datetime | None  # by Stripe's clock


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Stripe sends events, and which; ``api_version`` is None for the account's own."""

    id: str
    url: str
    status: str | None
    api_version: str | None
    enabled_events: tuple[str, ...]


def platform(data: Json, answered: str | None) -> Platform:
    """``answered`` is the header Date of the answer."""
    own = account(data)
    return Platform(own.id, own.payout_interval, own.default_currency, _http_date(answered))


def webhook_endpoint(data: Json) -> WebhookEndpoint:
    try:
        return WebhookEndpoint(
            id=str(data["id"]),
            url=str(data["url"]),
            status=data.get("status"),
            api_version=data.get("api_version"),
            enabled_events=tuple(data["enabled_events"]),
        )
    except (KeyError, TypeError) as error:
        raise UnreadableObject("a webhook_endpoint without what it must have") from error


def _http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
