"""Look at settings, PostgreSQL and Stripe, and say what was found."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jobsphere.clock import Clock
from jobsphere.database import create_engine, reading
from jobsphere.doctor import findings
from jobsphere.doctor.findings import Arrivals, Finding, Keys, Level
from jobsphere.migrations.grants import require_application_role, require_version
from jobsphere.migrations.migrate import require_newest_schema
from jobsphere.observability import logger
from jobsphere.settings import ConfigurationError, Settings
from jobsphere.stripe_gateway.client import API_VERSION, StripeGateway
from jobsphere.stripe_gateway.errors import OutcomeUnknown, Refused, StripeMisconfigured
from jobsphere.webhooks.handlers import HANDLERS
from jobsphere.webhooks.receive import Source
from jobsphere.webhooks.tables import webhook_events

# How far back it is looked at which mode the events are of.
LATEST_EVENTS = 1000
# Present API versions do not have it: no endpoint can be made for it.
_OF_OLD_VERSIONS = frozenset({"transfer.paid"})

log = logger(__name__)


def settings_alone(settings: Settings) -> list[Finding]:
    """What can be said of the settings without asking anybody."""
    return findings.keys(_keys(settings))


async def postgres(url: str, settings: Settings) -> list[Finding]:
    """Whether the database can be used, with which rights, and what came to the inbox."""
    engine = create_engine(url, pool_size=1)
    checks: Sequence[tuple[str, str, Callable[[AsyncConnection], Awaitable[None]]]] = (
        ("PostgreSQL", "It is of a version that JobSphere works with.", require_version),
        ("schema", "It is the one this JobSphere needs.", require_newest_schema),
        ("database role", "The application may do what it must, and nothing more.", require_application_role),
    )
    found = []
    try:
        for about, good, check in checks:
            found.append(await _database_finding(engine, about, good, check))
        if found[0].level is Level.GOOD:
            found.append(await durability(engine))
        if all(one.level in (Level.GOOD, Level.UNSAFE) for one in found) and not settings.uses_sandbox:
            found += findings.arrivals(await _arrivals(engine, is_live=settings.live))
    finally:
        await engine.dispose()
    return found


async def durability(engine: AsyncEngine) -> Finding:
    """Whether PostgreSQL keeps what it acknowledges, as it is set for our role in our database."""
    async with reading(engine) as connection:
        fsync = (await connection.execute(text("SHOW fsync"))).scalar_one()
        synchronous_commit = (await connection.execute(text("SHOW synchronous_commit"))).scalar_one()
    return findings.durability(fsync=fsync, synchronous_commit=synchronous_commit)


async def stripe(gateway: StripeGateway, settings: Settings, clock: Clock) -> list[Finding]:
    """Whether the platform's account and its webhook endpoints are as they must be."""
    try:
        platform = await gateway.retrieve_platform()
        endpoints = await gateway.list_webhook_endpoints()
    except StripeMisconfigured:
        said = "Stripe does not accept STRIPE_SECRET_KEY, or the key may not read the account and its endpoints."
        return [Finding("Stripe", Level.WRONG, said, "Set a secret key of the platform's account.")]
    except (OutcomeUnknown, Refused) as error:
        said = f"Stripe could not be asked ({type(error).__name__})."
        return [Finding("Stripe", Level.NOTE, said, "Look at the network and at status.stripe.com; ask again.")]
    return [
        *findings.platform_account(platform, settings.payment_currency, clock.now()),
        *findings.endpoints(
            endpoints,
            api_version=API_VERSION,
            platform_events=_events_of(Source.PLATFORM),
            connect_events=_events_of(Source.CONNECT),
        ),
    ]


async def require_durable(engine: AsyncEngine) -> None:
    """Raises ``ConfigurationError`` unless PostgreSQL keeps what it acknowledges."""
    finding = await durability(engine)
    if finding.level is Level.UNSAFE:
        raise ConfigurationError(f"{finding.says} {finding.to_do}")


async def require_safe(gateway: StripeGateway, settings: Settings, clock: Clock) -> None:
    """Look before money moves, with a live key: what is wrong is logged, what is unsafe ends the start.

    Raises:
        ConfigurationError: money may be lost like this; the message says what to do.
    """
    for finding in [*settings_alone(settings), *await stripe(gateway, settings, clock)]:
        if finding.level is Level.UNSAFE:
            raise ConfigurationError(f"{finding.says} {finding.to_do}")
        if finding.level is not Level.GOOD:
            log.error("doctor.finding", about=finding.about, says=finding.says, to_do=finding.to_do)


def _keys(settings: Settings) -> Keys:
    return Keys(
        secret_key_is_live=settings.live,
        publishable_key_is_live="_live_" in settings.stripe_publishable_key,
        uses_sandbox=settings.uses_sandbox,
        platform_secrets=_split(settings.stripe_webhook_secret),
        connect_secrets=_split(settings.stripe_connect_webhook_secret),
    )


def _split(secret: object) -> list[str]:
    """Two secrets are separated by a comma, while one is replaced."""
    value = getattr(secret, "get_secret_value", lambda: "")()
    return [one.strip() for one in value.split(",") if one.strip()]


def _events_of(source: Source) -> set[str]:
    return {type_ for type_, handler in HANDLERS.items() if handler.source is source} - _OF_OLD_VERSIONS


async def _database_finding(
    engine: AsyncEngine, about: str, good: str, check: Callable[[AsyncConnection], Awaitable[None]]
) -> Finding:
    try:
        async with reading(engine) as connection:
            await check(connection)
    except ConfigurationError as error:
        return Finding(about, Level.WRONG, str(error), "Do what it says, then ask again.")
    # Whatever the driver says, it says why this database cannot be used: wrong password, no such database …
    except Exception as error:
        said = f"The database cannot be used: {error}"
        return Finding(about, Level.WRONG, said, "Look at DATABASE_URL, and whether PostgreSQL runs.")
    return Finding(about, Level.GOOD, good)


async def _arrivals(engine: AsyncEngine, *, is_live: bool) -> list[Arrivals]:
    c = webhook_events.c
    latest = select(c.source, c.livemode).order_by(c.id.desc()).limit(LATEST_EVENTS).subquery()
    other = func.count().filter(latest.c.livemode.is_(not is_live))
    async with reading(engine) as connection:
        rows = await connection.execute(select(latest.c.source, func.count(), other).group_by(latest.c.source))
        return [Arrivals(*row) for row in rows]
