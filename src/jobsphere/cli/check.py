"""``jobsphere check``: prove the books, and say what was proven."""

import asyncio
import json
from datetime import UTC, datetime

from rich.console import Console

from jobsphere.cli import stack
from jobsphere.observability import configure_logging
from jobsphere.reconciliation.audit import Proof, prove


def run(*, as_json: bool) -> int:
    """Print the proof; 0 if every law holds, 1 if not."""
    settings = stack.read_settings()
    configure_logging(level="WARNING")
    with stack.database(settings) as database:
        proof = asyncio.run(_prove(database.url))
    print_proof(proof, as_json=as_json)
    return 0 if proof.holds else 1


def print_proof(proof: Proof, *, as_json: bool) -> None:
    """One line a law, with what breaks it."""
    console = Console(soft_wrap=True, highlight=False)
    if as_json:
        laws = [{"law": result.law, "breaches": list(result.breaches)} for result in proof.results]
        console.print_json(json.dumps({"holds": proof.holds, "covered": dict(proof.covered), "laws": laws}))
        return
    for result in proof.results:
        console.print(f"{'[red]✗' if result.breaches else '[green]✓'}[/] {result.law}")
        for breach in result.breaches:
            console.print(f"    {breach}", markup=False)
    covered = ", ".join(f"{count} {what}" for what, count in proof.covered.items())
    console.print(f"The books {'are proven' if proof.holds else 'DO NOT hold'}: {covered}.")


async def _prove(url: str) -> Proof:
    engine = await stack.checked_engine(url)
    try:
        return await prove(engine, now=datetime.now(UTC))
    finally:
        await engine.dispose()
