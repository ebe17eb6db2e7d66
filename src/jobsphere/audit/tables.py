"""The audit log in PostgreSQL: written once, never changed."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from jobsphere.schema import append_only, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    # Empty for the system itself; no foreign key: the log outlives what it speaks of.
    Column("actor_id", Uuid),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Index(None, "subject"),
)
append_only("audit_log")
