"""What the doctor finds, from facts that were gathered. Rules only; each finding says what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from jobsphere.stripe_gateway.setup import Platform, WebhookEndpoint

CLOCK_SECONDS_MAX = 60
PLATFORM_PATH = "/api/webhooks/stripe"
CONNECT_PATH = "/api/webhooks/stripe/connect"


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"  # as it must be
    NOTE = "note"  # it could not be looked at, or it is for a person to judge
    WRONG = "wrong"  # something does not work, or will not
    UNSAFE = "unsafe"  # money may be lost: JobSphere does not start like this with a live key


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``says`` what is so, ``to_do`` what to do about it (empty when good)."""

    about: str
    level: Level
    says: str
    to_do: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys and secrets as far as the doctor needs to know them."""

    secret_key_is_live: bool
    publishable_key_is_live: bool
    uses_sandbox: bool
    platform_secrets: Sequence[str]
    connect_secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many of the latest events came to one endpoint, and how many of these were not of the key's mode."""

    source: str
    events: int
    of_other_mode: int


def keys(known: Keys) -> list[Finding]:
    """Whether the keys are of one mode, and the webhook secrets what they must be."""
    if known.uses_sandbox:
        return [Finding("keys", Level.GOOD, "No Stripe key is set: JobSphere uses its own sandbox.")]
    mode = "live" if known.secret_key_is_live else "test"
    if known.secret_key_is_live is not known.publishable_key_is_live:
        said = f"STRIPE_SECRET_KEY is a {mode} key and STRIPE_PUBLISHABLE_KEY is of the other mode."
        return [Finding("keys", Level.UNSAFE, said, "Set both to keys of the same mode."), *_secrets(known)]
    return [Finding("keys", Level.GOOD, f"Both keys are {mode} keys."), *_secrets(known)]


def _secrets(known: Keys) -> list[Finding]:
    where = "Take each signing secret from its endpoint in Stripe's dashboard, in the mode of the key."
    given = [*known.platform_secrets, *known.connect_secrets]
    if not all(secret.startswith("whsec_") for secret in given):
        return [Finding("webhook secrets", Level.WRONG, "A webhook secret does not begin with whsec_.", where)]
    if set(known.platform_secrets) & set(known.connect_secrets):
        # Stripe's command line signs for both endpoints with one secret, in test mode.
        level = Level.WRONG if known.secret_key_is_live else Level.NOTE
        return [Finding("webhook secrets", level, "Both endpoints have the same signing secret.", where)]
    return [Finding("webhook secrets", Level.GOOD, "Each endpoint has a signing secret of its own.")]


def durability(*, fsync: str, synchronous_commit: str) -> Finding:
    """Whether what PostgreSQL says is committed stays so when the power fails; the values are PostgreSQL's own."""
    off = [
        f"{name} = off"
        for name, value in (("fsync", fsync), ("synchronous_commit", synchronous_commit))
        if value == "off"
    ]
    if not off:
        return Finding("durability", Level.GOOD, "What is committed is on the disk before anybody is told.")
    return Finding(
        "durability",
        Level.UNSAFE,
        f"PostgreSQL runs with {' and '.join(off)}: money that was acknowledged can be lost when the power fails.",
        "Set both to on: in postgresql.conf, and where the role or the database has a setting of its own.",
    )


def arrivals(seen: Iterable[Arrivals]) -> list[Finding]:
    """Whether events of the key's mode come to each endpoint: so the secrets are of that mode."""
    found = {one.source: one for one in seen}
    return [_arrived(source, found.get(source)) for source in ("platform", "connect")]


def _arrived(source: str, seen: Arrivals | None) -> Finding:
    about = f"events of the {source} endpoint"
    if seen is None or not seen.events:
        return Finding(about, Level.NOTE, "None has come yet.", "Send a test event from Stripe's dashboard.")
    if seen.of_other_mode == seen.events:
        return Finding(
            about,
            Level.WRONG,
            "All of the latest are of the other mode than the key.",
            "Set the signing secret of the endpoint that is of the key's mode.",
        )
    return Finding(about, Level.GOOD, "They come, in the mode of the key.")


def platform_account(platform: Platform, currency: str, now: datetime) -> list[Finding]:
    """Whether the platform's own account keeps users' money, in our currency, and agrees about the time."""
    return [_schedule(platform), _currency(platform, currency), _clock(platform, now)]


def _schedule(platform: Platform) -> Finding:
    if platform.payout_interval == "manual":
        return Finding("payout schedule", Level.GOOD, "The platform's own payouts are manual.")
    return Finding(
        "payout schedule",
        Level.UNSAFE,
        f"Stripe pays out the platform's balance by itself ({platform.payout_interval or 'unknown'}), "
        "and with it the money in people's wallets.",
        "In Stripe's dashboard, Settings, Payouts: set the payout schedule to manual.",
    )


def _currency(platform: Platform, currency: str) -> Finding:
    if platform.default_currency in (None, currency):
        return Finding("currency", Level.GOOD, f"The platform's account is kept in {currency}.")
    return Finding(
        "currency",
        Level.WRONG,
        f"PAYMENT_CURRENCY is {currency}, and the platform's account is kept in {platform.default_currency}: "
        "Stripe converts what comes in, and the books do not follow.",
        "Set PAYMENT_CURRENCY to the account's currency, before the first deposit.",
    )


def _clock(platform: Platform, now: datetime) -> Finding:
    if platform.answered_at is None:
        return Finding("clock", Level.NOTE, "Stripe's answer has no time.", "Compare the clock yourself.")
    off_seconds = abs((platform.answered_at - now).total_seconds())
    if off_seconds <= CLOCK_SECONDS_MAX:
        return Finding("clock", Level.GOOD, f"It is within {CLOCK_SECONDS_MAX} seconds of Stripe's.")
    return Finding(
        "clock",
        Level.WRONG,
        f"It is {off_seconds:.0f} seconds from Stripe's: signed webhooks are refused.",
        "Let this machine take its time from the network (NTP).",
    )


def endpoints(
    found: Sequence[WebhookEndpoint], *, api_version: str, platform_events: set[str], connect_events: set[str]
) -> list[Finding]:
    """Whether both webhook endpoints exist, are on, and get every event that is handled, in our API version."""
    return [
        _endpoint(found, "platform endpoint", PLATFORM_PATH, api_version, platform_events),
        _endpoint(found, "connect endpoint", CONNECT_PATH, api_version, connect_events),
    ]


def _endpoint(
    found: Sequence[WebhookEndpoint], about: str, path: str, api_version: str, events: set[str]
) -> Finding:
    ours = [one for one in found if urlsplit(one.url).path.rstrip("/") == path]
    if not ours:
        said = f"Stripe has no webhook endpoint that ends with {path}."
        return Finding(about, Level.WRONG, said, "Make it (README.md, Use a Stripe test account).")
    # One that is right is enough: a second one is what a change of address looks like.
    problems = [problem for one in ours if (problem := _problem(one, api_version, events))]
    if len(problems) < len(ours):
        return Finding(about, Level.GOOD, "It is on, with our API version and every event that is handled.")
    says, to_do = problems[0]
    return Finding(about, Level.WRONG, says, to_do)


def _problem(endpoint: WebhookEndpoint, api_version: str, events: set[str]) -> tuple[str, str] | None:
    if endpoint.status != "enabled":
        return f"{endpoint.id} is {endpoint.status}.", "Enable it in Stripe's dashboard, then see what was missed."
    if endpoint.api_version != api_version:
        said = f"{endpoint.id} has the API version {endpoint.api_version}, not {api_version}."
        return said, "Make a new endpoint with our version, then delete this one: a version cannot be changed."
    missing = set() if "*" in endpoint.enabled_events else events - set(endpoint.enabled_events)
    if missing:
        return f"{endpoint.id} does not get {', '.join(sorted(missing))}.", "Choose these events as well."
    return None
