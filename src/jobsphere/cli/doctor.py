"""``jobsphere doctor``: whether everything is set up as it must be, and what to do where it is not."""

import asyncio
import json

from rich.console import Console

from jobsphere.cli import stack
from jobsphere.clock import SystemClock
from jobsphere.doctor import examine
from jobsphere.doctor.findings import Finding, Level
from jobsphere.observability import configure_logging
from jobsphere.settings import ConfigurationError, Settings
from jobsphere.stripe_gateway.client import StripeGateway

_MARKS = {Level.GOOD: "[green]✓", Level.NOTE: "[yellow]·", Level.WRONG: "[red]✗", Level.UNSAFE: "[red]✗"}
_BAD = (Level.WRONG, Level.UNSAFE)


def run(*, as_json: bool) -> int:
    """Print what was found; 0 if nothing is wrong, 1 if something is.

    Raises:
        ConfigurationError: the settings cannot even be read.
    """
    settings = stack.read_settings()
    configure_logging(level="CRITICAL")
    found = [*examine.settings_alone(settings), *_database(settings), *_stripe(settings)]
    _print(found, as_json=as_json)
    return 1 if any(finding.level in _BAD for finding in found) else 0


def _database(settings: Settings) -> list[Finding]:
    if settings.database_url is not None:
        # Not by ``stack.database``, which would migrate it: a doctor changes nothing.
        return asyncio.run(examine.postgres(settings.database_url, settings))
    with stack.database(settings) as own:
        return asyncio.run(examine.postgres(own.url, settings))


def _stripe(settings: Settings) -> list[Finding]:
    try:
        reachable = stack.running_sandbox(settings)
    except ConfigurationError:
        said = "The sandbox does not run: there is no Stripe to look at."
        return [Finding("Stripe", Level.NOTE, said, "Start jobsphere serve, and ask again.")]
    return asyncio.run(_ask(reachable))


async def _ask(settings: Settings) -> list[Finding]:
    assert settings.stripe_secret_key is not None
    gateway = StripeGateway(
        secret_key=settings.stripe_secret_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        timeout_seconds=settings.stripe_timeout_seconds,
    )
    try:
        return await examine.stripe(gateway, settings, SystemClock())
    finally:
        await gateway.close()


def _print(found: list[Finding], *, as_json: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    bad = sum(finding.level in _BAD for finding in found)
    if as_json:
        listed = [
            {"about": one.about, "level": one.level.value, "says": one.says, "toDo": one.to_do} for one in found
        ]
        console.print_json(json.dumps({"isWell": not bad, "findings": listed}))
        return
    for finding in found:
        console.print(f"{_MARKS[finding.level]}[/] [bold]{finding.about}[/]: ", end="")
        console.print(finding.says, markup=False)
        if finding.to_do:
            console.print(f"    {finding.to_do}", markup=False)
    console.print(f"{bad} of {len(found)} findings need you." if bad else "Nothing is wrong.")
