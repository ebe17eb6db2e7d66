"""The command line. Each command calls one verb, and imports only what it needs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: to draw it, a library of tables would be loaded for every command.
    rich_markup_mode=None,
    help="JobSphere: the money side of a services marketplace.",
)
events = typer.Typer(no_args_is_help=True, help="Stripe's events that need a person.")
app.add_typer(events, name="events")
withdrawals = typer.Typer(no_args_is_help=True, help="Stop new withdrawals for everybody, and take them again.")
app.add_typer(withdrawals, name="withdrawals")

Host = Annotated[str, typer.Option(help="Where to listen; loopback unless you say otherwise.")]
Port = Annotated[int, typer.Option(help="0 takes any free port.", min=0, max=65535)]


@app.command()
def demo(
    expect: Annotated[
        list[str] | None,
        typer.Option(help="Also expect step.column=amount, e.g. withdrawn.contractor=0.00; wrong ones fail."),
    ] = None,
) -> None:
    """Play the whole money flow over three real processes and prove the books."""
    from jobsphere.cli.demo import run

    raise typer.Exit(run(expect or []))


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Leave the background work to others.")] = False,
) -> None:
    """Serve the API, with everything it needs that is not configured: PostgreSQL and a Stripe sandbox."""
    from jobsphere.cli.serve import run

    run(host, port, with_worker=not no_worker)


@app.command()
def worker() -> None:
    """Do the background work of a JobSphere that is served elsewhere."""
    from jobsphere.cli.worker import run

    run()


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Prove the books: exit 0 if every law holds, 1 if not."""
    from jobsphere.cli.check import run

    raise typer.Exit(run(as_json=as_json))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look whether settings, PostgreSQL and Stripe are as they must be: exit 0 if so, 1 if not."""
    from jobsphere.cli.doctor import run

    raise typer.Exit(run(as_json=as_json))


@app.command()
def obligations(
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also the states that nothing is in.")] = False,
) -> None:
    """Show what is owed: oldest age, count and money of each state; exit 1 if something is over its limit."""
    from jobsphere.cli.obligations import run

    raise typer.Exit(run(as_json=as_json, all_=all_))


@app.command()
def migrate() -> None:
    """Bring the database to the version this JobSphere needs, and grant the application its rights."""
    from jobsphere.cli.migrate import run

    run()


@app.command()
def admin(email: str, name: str) -> None:
    """Make somebody an admin; asks for a password."""
    from jobsphere.cli.admin import run

    password = typer.prompt("Password (10 characters or more)", hide_input=True, confirmation_prompt=True)
    run(email, name, password)


@app.command(name="crash-points")
def crash_points() -> None:
    """List the places where JOBSPHERE_CRASH_AT=name:n kills a process on purpose."""
    from jobsphere.cli.crash_points import run

    run()


@app.command()
def sandbox(
    host: Host = "127.0.0.1",
    port: Port = 12111,
    state: Annotated[Path | None, typer.Option(help="Remember everything in this file.")] = None,
) -> None:
    """Run the Stripe sandbox alone (the same as: stripe-sandbox serve)."""
    from stripe_sandbox.server import serve as serve_sandbox

    serve_sandbox(host, port, state, exit_with_parent=False)


@events.command(name="parked")
def events_parked() -> None:
    """List the events that could not be processed."""
    from jobsphere.cli.events import parked

    parked()


@events.command(name="replay")
def events_replay(
    event_id: Annotated[int | None, typer.Argument(help="Its id in `events parked`.")] = None,
    event: Annotated[str | None, typer.Option(help="Stripe's id of it, evt_….")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="All of this type, e.g. payout.paid.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Received at this time (UTC) or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Received before this time (UTC).")] = None,
    also_processed: Annotated[
        bool, typer.Option("--also-processed", help="Not only parked events, also those that are done.")
    ] = False,
) -> None:
    """Process events again; what they did already is not done twice."""
    from jobsphere.cli.events import replay
    from jobsphere.webhooks.replay import Selection

    replay(Selection(event_id, event, type_, _in_utc(since), _in_utc(until), also_processed))


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)


Because = Annotated[str, typer.Option("--reason", help="Kept in the audit log.")]


@withdrawals.command(name="pause")
def withdrawals_pause(reason: Because) -> None:
    """Refuse new withdrawals in every process; those under way go on to their end."""
    from jobsphere.cli.withdrawals import turn

    turn(is_on=True, reason=reason)


@withdrawals.command(name="resume")
def withdrawals_resume(reason: Because) -> None:
    """Take new withdrawals again."""
    from jobsphere.cli.withdrawals import turn

    turn(is_on=False, reason=reason)


def main() -> None:
    """Run the command line; what a person can mend is one sentence, not a stack."""
    from jobsphere.settings import ConfigurationError

    try:
        app()
    except ConfigurationError as error:
        typer.secho(f"jobsphere: {error}", err=True, fg="red")
        raise SystemExit(2) from None
