"""A market on a database of the test's own."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from jobsphere.clock import ClockMovedByHand, Ids

from .market import Market


@pytest.fixture
def market(engine: AsyncEngine, clock: ClockMovedByHand, ids: Ids) -> Market:
    return Market(engine, clock, ids)
