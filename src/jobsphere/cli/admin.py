"""``jobsphere admin``: make somebody an admin."""

import asyncio
import re

from rich.console import Console

from jobsphere.cli import stack
from jobsphere.clock import SystemClock, TimeOrderedIds
from jobsphere.identity.passwords import hash_password
from jobsphere.identity.people import EmailTaken, Role
from jobsphere.marketplace.join import join
from jobsphere.observability import configure_logging
from jobsphere.settings import ConfigurationError

PASSWORD_LENGTH_MIN = 10
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def run(email: str, name: str, password: str) -> None:
    """Register an admin.

    Raises:
        ConfigurationError: the address is taken or none, the name is empty, or the password is too short.
    """
    if not _EMAIL.fullmatch(email) or not name.strip():
        raise ConfigurationError("Give an e-mail address and a name: jobsphere admin ann@example.com Ann")
    if len(password) < PASSWORD_LENGTH_MIN:
        raise ConfigurationError(f"The password needs {PASSWORD_LENGTH_MIN} characters or more")
    settings = stack.read_settings()
    configure_logging(level="WARNING")
    with stack.database(settings) as database:
        asyncio.run(_join(database.url, email, name, password, settings.payment_currency))
    Console().print(f"{email} is an admin now.")


async def _join(url: str, email: str, name: str, password: str, currency: str) -> None:
    engine = await stack.checked_engine(url)
    try:
        await join(
            engine,
            user_id=TimeOrderedIds().new(),
            email=email,
            name=name,
            role=Role.ADMIN,
            password_hash=await hash_password(password),
            currency=currency,
            now=SystemClock().now(),
        )
    except EmailTaken as error:
        raise ConfigurationError(f"Somebody is registered as {email} already") from error
    finally:
        await engine.dispose()
