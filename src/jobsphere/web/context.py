"""What every route works with, put together once when the process starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import Clock, Ids
from jobsphere.settings import Settings

if TYPE_CHECKING:
    from jobsphere.stripe_gateway.client import StripeGateway


@dataclass(frozen=True, slots=True)
class Context:
    """The process's settings and its doors to the outside.

    ``token_secret`` signs bearer tokens (at least 32 bytes); ``wake`` tells the worker in this
    process that there is work, so that nobody waits for its next look.
    """

    settings: Settings
    engine: AsyncEngine
    clock: Clock
    ids: Ids
    token_secret: bytes
    gateway: "StripeGateway"
    wake: Callable[[], None]


def context_of(request: Request) -> Context:
    """The context of the application that received ``request``."""
    context: Context = request.app.state.context
    return context


async def _current(request: Request) -> Context:
    return context_of(request)


# A parameter of a route: ``context: CurrentContext``.
CurrentContext = Annotated[Context, Depends(_current)]
