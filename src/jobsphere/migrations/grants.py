"""What the application's role may do, table by table. It owns nothing and removes nothing that is about money."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobsphere.settings import ConfigurationError

VERSION_MIN = 15

_KEEP = "SELECT, INSERT"
_CHANGE = "SELECT, INSERT, UPDATE"

GRANTS = {
    "alembic_version": "SELECT",
    "audit_log": _KEEP,
    # Moved by the trigger on postings alone.
    "balance_parts": "SELECT",
    "charge_fees": _CHANGE,
    "deposit_attempts": _CHANGE,
    # What was owed stays what was owed; only how much of it is repaid may change.
    "debts": "SELECT, INSERT, UPDATE (repaid_minor)",
    "deposits": _CHANGE,
    "dispute_answers": _CHANGE,
    "dispute_movements": _KEEP,
    "dispute_parts": _CHANGE,
    "disputes": _CHANGE,
    "fraud_warnings": _CHANGE,
    "event_cursors": _CHANGE,
    # A freeze is ended, never rewritten.
    "freezes": "SELECT, INSERT, UPDATE (lifted_at, lifted_by, lift_reason)",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "jobs": _CHANGE,
    # When it was recorded is for PostgreSQL to say.
    "journal_entries": "SELECT, INSERT (reference, posting_count)",
    # Its balance is moved by the trigger on postings alone.
    "ledger_accounts": _KEEP,
    "notifications": _CHANGE,
    "obligations": _CHANGE,
    "offers": _CHANGE,
    "payout_accounts": _CHANGE,
    "postings": _KEEP,
    "refunds": _CHANGE,
    "saved_cards": _CHANGE,
    "stripe_calls": _CHANGE,
    "switches": _CHANGE,
    "transactions": _CHANGE,
    "users": _CHANGE,
    "wallets": _CHANGE,
    # How far we are with an event may change, what came may not.
    "webhook_events": "SELECT, INSERT, UPDATE (status, tries, next_try_at, open_claims, error, processed_at)",
    "withdrawals": _CHANGE,
}

# What the role must not be able to do, whoever set it up.
_FORBIDDEN = [
    (table, privilege)
    for table in ("journal_entries", "postings", "audit_log", "webhook_events")
    for privilege in ("UPDATE", "DELETE", "TRUNCATE")
]


async def grant(connection: AsyncConnection, application_role: str) -> None:
    """Give the role exactly ``GRANTS``; run by the owner, after every migration."""
    role = connection.dialect.identifier_preparer.quote(application_role)
    await connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"))
    for table, privileges in GRANTS.items():
        await connection.execute(text(f"GRANT {privileges} ON {table} TO {role}"))
    # They run with their owner's rights: a trigger on a table of somebody's own would move balances too.
    for function in ("ledger_hold", "ledger_move_balances", "ledger_open_balance"):
        await connection.execute(text(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC, {role}"))
    await connection.execute(text(f"GRANT EXECUTE ON FUNCTION ledger_hold TO {role}"))


async def require_version(connection: AsyncConnection) -> None:
    """Raises ``ConfigurationError`` unless PostgreSQL is 15 or newer."""
    number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
    if number < VERSION_MIN * 10_000:
        raise ConfigurationError(f"JobSphere needs PostgreSQL {VERSION_MIN} or newer, this is {number // 10_000}")


async def require_application_role(connection: AsyncConnection) -> None:
    """Make sure that JobSphere runs with no more rights than ``GRANTS`` gives.

    Raises:
        ConfigurationError: the role is a superuser, owns tables, or may change what must not change.
    """
    role, is_superuser, owns = (await connection.execute(text(_WHO))).one()
    if is_superuser:
        raise ConfigurationError(
            f"DATABASE_URL signs in as {role}, a superuser, whom PostgreSQL refuses nothing. "
            "Use a role of its own for the application, and run: jobsphere migrate"
        )
    if owns:
        raise ConfigurationError(
            f"DATABASE_URL signs in as {role}, who owns JobSphere's tables and could drop their guards. "
            "Give the owner as DATABASE_OWNER_URL and another role as DATABASE_URL, and run: jobsphere migrate"
        )
    for table, privilege in _FORBIDDEN:
        has = text("SELECT has_table_privilege(:table, :privilege)")
        if (await connection.execute(has, {"table": table, "privilege": privilege})).scalar_one():
            raise ConfigurationError(f"{role} may {privilege} {table}, and must not. Run: jobsphere migrate")


_WHO = """
    SELECT current_user::text, rolsuper,
           EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND pg_has_role(tableowner, 'MEMBER'))
    FROM pg_roles WHERE rolname = current_user
"""
