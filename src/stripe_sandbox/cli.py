"""The command line: ``stripe-sandbox serve``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from stripe_sandbox import server
from stripe_sandbox.faults.rule import InvalidPlan

app = typer.Typer(add_completion=False, no_args_is_help=True, help="A Stripe that runs offline.")


@app.callback()
def _commands() -> None:
    """A Stripe that runs offline, for the unmodified official SDK."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Where to listen; loopback unless you say otherwise.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free port.")] = 0,
    state: Annotated[Path | None, typer.Option(help="Remember everything in this file.")] = None,
    faults: Annotated[Path | None, typer.Option(help="Begin with the plan of faults in this file.")] = None,
    exit_with_parent: Annotated[bool, typer.Option(help="End when standard input ends.")] = False,
) -> None:
    """Serve until a signal ends it. Prints {"url": …} on one line when it listens."""
    try:
        plan = json.loads(faults.read_text()) if faults else None
        server.serve(host, port, state, exit_with_parent=exit_with_parent, faults=plan)
    except (InvalidPlan, json.JSONDecodeError, OSError) as error:
        typer.echo(f"stripe-sandbox: {error}", err=True)
        raise typer.Exit(2) from error


def main() -> None:
    """Run the command line."""
    app()
