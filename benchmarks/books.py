"""Whether the books are proved after a measurement, by JobSphere's own proof."""

from collections.abc import Sequence
from datetime import UTC, datetime

from jobsphere.database import create_engine
from jobsphere.reconciliation.audit import CHECKS, Check, prove


async def unproved(url: str, checks: Sequence[Check] = CHECKS) -> str | None:
    """What contradicts the laws, None when nothing does."""
    engine = create_engine(url, pool_size=1)
    try:
        proof = await prove(engine, now=datetime.now(UTC), checks=checks)
    finally:
        await engine.dispose()
    breaches = [f"{result.law}: {breach}" for result in proof.results for breach in result.breaches]
    return f"the books are not proved: {breaches[0]}" if breaches else None
