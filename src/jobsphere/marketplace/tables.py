"""Jobs and offers in PostgreSQL, and the rules it keeps even if Python is wrong."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import text as sql

from jobsphere.schema import append_only, install, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", ForeignKey("users.id"), nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    UniqueConstraint("id", "customer_id"),
    CheckConstraint("char_length(title) BETWEEN 3 AND 120", name="title_is_short"),
    CheckConstraint("char_length(description) <= 5000", name="description_is_limited"),
    CheckConstraint(
        "state IN ('open', 'assigned', 'paused', 'completed', 'closed', 'canceled')", name="state_is_known"
    ),
    CheckConstraint("(state = 'completed') = (completed_at IS NOT NULL)", name="completed_has_its_time"),
    Index(None, "customer_id", "created_at", "id"),
    Index("jobs_open_idx", "created_at", "id", postgresql_where=sql("state = 'open'")),
)

offers = Table(
    "offers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("contractor_id", ForeignKey("users.id"), nullable=False),
    Column("customer_wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("contractor_wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # Fixed at sending: a later change of the rates does not touch offers that were sent before.
    Column("platform_fee_minor", BigInteger, nullable=False),
    Column("service_fee_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("answered_at", DateTime(timezone=True)),
    # Only the job's own customer offers it.
    ForeignKeyConstraint(["job_id", "customer_id"], ["jobs.id", "jobs.customer_id"]),
    CheckConstraint("customer_id <> contractor_id", name="two_people"),
    CheckConstraint("customer_wallet_id <> contractor_wallet_id", name="two_wallets"),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("platform_fee_minor >= 0", name="platform_fee_is_not_negative"),
    CheckConstraint("service_fee_minor BETWEEN 0 AND amount_minor", name="service_fee_is_part_of_the_amount"),
    CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_is_a_code"),
    CheckConstraint("char_length(message) <= 2000", name="message_is_limited"),
    CheckConstraint(
        "state IN ('sent', 'accepted', 'completed', 'declined', 'withdrawn', 'expired', 'canceled')",
        name="state_is_known",
    ),
    # 30 days, in hours: a day has 23 or 25 of them where clocks change.
    CheckConstraint(
        "expires_at > created_at AND expires_at <= created_at + interval '720 hours'",
        name="expires_within_30_days",
    ),
    CheckConstraint("(state = 'sent') = (answered_at IS NULL)", name="answered_has_its_time"),
    Index(
        "offers_one_accepted_per_job",
        "job_id",
        unique=True,
        postgresql_where=sql("state IN ('accepted', 'completed')"),
    ),
    Index(None, "job_id", "id"),
    Index(None, "customer_id", "created_at", "id"),
    Index(None, "contractor_id", "created_at", "id"),
    Index("offers_funded_idx", "customer_wallet_id", postgresql_where=sql("state IN ('sent', 'accepted')")),
    Index("offers_due_idx", "expires_at", "id", postgresql_where=sql("state = 'sent'")),
)

# What was offered stays what was offered; only the answer is added.
append_only(
    "offers",
    *(column.name for column in offers.columns if column.name not in ("state", "answered_at")),
)
install(
    """
    CREATE TRIGGER refuse_backward BEFORE UPDATE OF state ON offers FOR EACH ROW
    WHEN (NOT (
        (OLD.state = 'sent' AND NEW.state IN ('accepted', 'declined', 'withdrawn', 'expired'))
        OR (OLD.state = 'accepted' AND NEW.state IN ('completed', 'canceled'))
    ))
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_backward BEFORE UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NOT (
        (OLD.state = 'open' AND NEW.state IN ('assigned', 'closed'))
        OR (OLD.state = 'assigned' AND NEW.state IN ('completed', 'paused'))
        OR (OLD.state = 'paused' AND NEW.state IN ('assigned', 'canceled'))
    ))
    EXECUTE FUNCTION refuse_change()
    """,
    # ALWAYS: also in a session that pretends to be a replica.
    "ALTER TABLE offers ENABLE ALWAYS TRIGGER refuse_backward",
    "ALTER TABLE jobs ENABLE ALWAYS TRIGGER refuse_backward",
)
