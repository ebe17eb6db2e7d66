"""The inbox in PostgreSQL: what came is kept as it came, how far we are with it may change; and what was read."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy import text as sql

from jobsphere.schema import append_only, install, metadata

# PostgreSQL tells whoever listens on this channel once for each database transaction that stored events.
EVENTS_STORED = "jobsphere_events_stored"

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Stripe's event id, or the SHA-256 of a body that has none.
    Column("event_key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("type", Text),
    Column("account_id", Text),
    Column("livemode", Boolean),
    Column("payload", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    Column("next_try_at", DateTime(timezone=True)),
    # Claims, one after another, that nobody has come back from: of a worker that is at it, or that was killed.
    Column("open_claims", Integer, nullable=False, server_default=sql("0")),
    Column("error", Text),
    Column("processed_at", DateTime(timezone=True)),
    CheckConstraint("source IN ('platform', 'connect')", name="source_is_known"),
    CheckConstraint("status IN ('new', 'done', 'ignored', 'parked')", name="status_is_known"),
    CheckConstraint("(status = 'new') = (next_try_at IS NOT NULL)", name="new_has_its_next_try"),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
    Index(None, "id", postgresql_where=sql("status = 'parked'")),
)
append_only(
    "webhook_events", "id", "event_key", "source", "type", "account_id", "livemode", "payload", "received_at"
)

install(
    f"""
    CREATE FUNCTION tell_events_stored() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('{EVENTS_STORED}', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER tell_events_stored AFTER INSERT ON webhook_events
    FOR EACH STATEMENT EXECUTE FUNCTION tell_events_stored()
    """,
)

event_cursors = Table(
    "event_cursors",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Stripe's id of a connected account, or "platform" for our own.
    Column("account", Text, nullable=False, unique=True),
    # Unix seconds of Stripe's clock: the newest event of the last sweep that came to its end.
    Column("read_to", BigInteger, nullable=False, server_default=sql("0")),
    # A sweep under way: the newest event it saw, and the one it goes on after.
    Column("sweep_newest", BigInteger),
    Column("sweep_after", Text),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    Column("next_try_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("(sweep_newest IS NULL) = (sweep_after IS NULL)", name="sweep_is_whole"),
    Index(None, "next_try_at"),
)
