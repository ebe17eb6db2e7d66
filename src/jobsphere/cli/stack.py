"""What a process of JobSphere stands on: settings, a database, secrets and Stripe, real or sandbox.

What is configured is used; what is not is started here and stopped again.
"""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr, ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import SystemClock
from jobsphere.database import create_engine, reading
from jobsphere.doctor.examine import require_durable, require_safe
from jobsphere.embedded_postgres import (
    EmbeddedPostgres,
    PostgresUnavailable,
    Role,
    default_home,
    prepare_database,
    stored_passwords,
)
from jobsphere.migrations.grants import require_application_role, require_version
from jobsphere.migrations.migrate import migrate, require_newest_schema, role_of
from jobsphere.money import MoneyError
from jobsphere.settings import ConfigurationError, Settings
from jobsphere.stripe_gateway.client import StripeGateway
from jobsphere.wallets.limits import Limits, What
from jobsphere.webhooks.catch_up import CatchUp
from jobsphere.withdrawals.configured import policy_of

OWNER = "jobsphere_owner"
APPLICATION = "jobsphere_application"
DATABASE = "jobsphere"
SANDBOX_KEY = "sk_test_sandbox"
_DRIVER = "postgresql+asyncpg"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the application signs in; ``server`` is ours to watch, None when it is configured."""

    url: str = field(repr=False)
    server: EmbeddedPostgres | None

    def description(self) -> str:
        """For a person, without the password."""
        if self.server is not None:
            return "embedded PostgreSQL 18"
        return make_url(self.url).render_as_string(hide_password=True)


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: one of them is not possible.
    """
    try:
        settings = Settings()
        _require_limits(settings)
        _require_policy(settings)
        return settings
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])).upper() or 'settings'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise ConfigurationError(problems) from None


def _require_limits(settings: Settings) -> None:
    kinds: tuple[What, ...] = ("deposit", "withdrawal", "offer")
    for what in kinds:
        try:
            Limits.of_settings(settings, what)
        except MoneyError as error:
            minimum, maximum = getattr(settings, f"{what}_minimum"), getattr(settings, f"{what}_maximum")
            names = f"{what.upper()}_MINIMUM and {what.upper()}_MAXIMUM"
            raise ConfigurationError(f"{names} cannot be {minimum} and {maximum}: {error}") from error


def catch_up_of(settings: Settings) -> CatchUp:
    """How this process reads Stripe's list of events."""
    return CatchUp(settings.live, settings.catch_up_seconds, settings.catch_up_account_seconds)


def _require_policy(settings: Settings) -> None:
    try:
        policy_of(settings)
    except MoneyError as error:
        raise ConfigurationError(
            "WITHDRAWAL_DAILY_MAXIMUM, WITHDRAWAL_MINIMUM_BY_COUNTRY and REVIEW_WITHDRAWALS_FROM must be amounts "
            f"of {settings.payment_currency}: {error}"
        ) from error


def home_of(settings: Settings) -> Path:
    """The folder that holds everything JobSphere keeps on this machine."""
    return (settings.jobsphere_home or default_home()).expanduser().resolve()


@contextmanager
def database(settings: Settings) -> Iterator[Database]:
    """The configured database, or our own PostgreSQL, migrated, for as long as the block runs.

    Raises:
        ConfigurationError: it cannot be used like this; the message says what to do.
    """
    if settings.database_url is not None:
        _require_address("DATABASE_URL", settings.database_url)
        if settings.database_owner_url is not None:
            _require_address("DATABASE_OWNER_URL", settings.database_owner_url)
            asyncio.run(_require_answer("DATABASE_OWNER_URL", settings.database_owner_url))
            asyncio.run(migrate(settings.database_owner_url, role_of(settings.database_url)))
        yield Database(settings.database_url, None)
        return
    home = home_of(settings)
    server = EmbeddedPostgres(home)
    try:
        with server as cluster:
            passwords = stored_passwords(home)
            prepare_database(
                cluster,
                database=DATABASE,
                owner=Role(OWNER, passwords.owner),
                application=Role(APPLICATION, passwords.application),
            )
            owner_url = cluster.url(user=OWNER, password=passwords.owner, database=DATABASE)
            asyncio.run(migrate(owner_url, APPLICATION))
            url = cluster.url(user=APPLICATION, password=passwords.application, database=DATABASE)
            yield Database(url, server)
    except PostgresUnavailable as error:
        raise ConfigurationError(str(error)) from error


def _require_address(name: str, url: str) -> None:
    try:
        is_ours = make_url(url).drivername == _DRIVER
    except (ArgumentError, ValueError):
        is_ours = False
    if not is_ours:
        raise ConfigurationError(f"{name} must be an address like {_DRIVER}://role:password@host/database")


async def _require_answer(name: str, url: str) -> None:
    engine = create_engine(url, pool_size=1)
    try:
        async with engine.connect():
            pass
    # Whatever the driver says, it says why this database cannot be used: wrong password, no such database …
    except Exception as error:
        raise ConfigurationError(f"The database at {name} cannot be used: {error}") from error
    finally:
        await engine.dispose()


async def checked_engine(url: str) -> AsyncEngine:
    """Sign in as the application.

    Raises:
        ConfigurationError: with too many rights, or to a schema of another version.
    """
    engine = create_engine(url)
    try:
        async with reading(engine) as connection:
            await require_version(connection)
            await require_newest_schema(connection)
            await require_application_role(connection)
    except ConfigurationError:
        await engine.dispose()
        raise
    # Whatever the driver says, it says why this database cannot be used: wrong password, no such database …
    except Exception as error:
        await engine.dispose()
        raise ConfigurationError(f"The database at DATABASE_URL cannot be used: {error}") from error
    return engine


@asynccontextmanager
async def connected(settings: Settings, url: str) -> AsyncIterator[tuple[AsyncEngine, StripeGateway]]:
    """The database and Stripe, both closed after the block.

    Raises:
        ConfigurationError: the database cannot be used like this, or live money is not safe like this.
    """
    assert settings.stripe_secret_key is not None
    engine = await checked_engine(url)
    gateway = StripeGateway(
        secret_key=settings.stripe_secret_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        timeout_seconds=settings.stripe_timeout_seconds,
    )
    try:
        if settings.live:
            await require_durable(engine)
            await require_safe(gateway, settings, SystemClock())
        yield engine, gateway
    finally:
        await gateway.close()
        await engine.dispose()


def with_secrets(settings: Settings) -> Settings:
    """Settings in which no secret is missing: those of the sandbox and of tokens are made and kept at home.

    Raises:
        ConfigurationError: a secret that belongs to Stripe is missing, or a live platform has none of its own.
    """
    if not settings.uses_sandbox:
        _require_stripe_secrets(settings)
    stored = _stored_secrets(home_of(settings) / "secrets.json")
    return settings.model_copy(
        update={name: SecretStr(value) for name, value in stored.items() if getattr(settings, name, None) is None}
    )


def running_sandbox(settings: Settings) -> Settings:
    """Settings for the sandbox that ``jobsphere serve`` runs at this home, if no Stripe key is set.

    Raises:
        ConfigurationError: none is running.
    """
    if not settings.uses_sandbox:
        return settings
    try:
        url = json.loads((home_of(settings) / "sandbox" / "address.json").read_text())["url"]
    except FileNotFoundError as error:
        raise ConfigurationError(
            "Set STRIPE_SECRET_KEY, or start jobsphere serve first: it runs a sandbox"
        ) from error
    return using_sandbox(settings, url)


def using_sandbox(settings: Settings, url: str) -> Settings:
    """The same settings, with the sandbox as Stripe."""
    return settings.model_copy(update={"stripe_secret_key": SecretStr(SANDBOX_KEY), "stripe_api_base": url})


def _require_stripe_secrets(settings: Settings) -> None:
    if settings.stripe_webhook_secret is None or settings.stripe_connect_webhook_secret is None:
        raise ConfigurationError(
            "With STRIPE_SECRET_KEY set, STRIPE_WEBHOOK_SECRET and STRIPE_CONNECT_WEBHOOK_SECRET are needed too: "
            "the signing secrets of your two webhook endpoints at Stripe (README.md, Use a Stripe test account)"
        )
    if settings.live and settings.jobsphere_token_secret is None:
        raise ConfigurationError("With a live key, set JOBSPHERE_TOKEN_SECRET to 32 random characters or more")


def _stored_secrets(file: Path) -> dict[str, str]:
    """Secrets made once for this home, readable by its owner alone."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = {
            "jobsphere_token_secret": secrets.token_urlsafe(32),
            "stripe_webhook_secret": f"whsec_{secrets.token_hex(24)}",
            "stripe_connect_webhook_secret": f"whsec_{secrets.token_hex(24)}",
        }
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            json.dump(made, opened)
        try:
            # A link never replaces the file of another process that was quicker.
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    stored: dict[str, str] = json.loads(file.read_text())
    return stored
