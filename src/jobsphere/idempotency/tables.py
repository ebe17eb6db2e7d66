"""Idempotency keys and their answers in PostgreSQL."""

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text

from jobsphere.schema import metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("answer_status", SmallInteger, nullable=False),
    # Text, not jsonb: a repetition gives the same bytes again, in the same order.
    Column("answer_body", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("length(key) BETWEEN 1 AND 255", name="key_has_a_length"),
    CheckConstraint("length(body_sha256) = 32", name="body_sha256_is_a_digest"),
    CheckConstraint("answer_status BETWEEN 200 AND 299", name="answer_is_a_success"),
    Index(None, "created_at"),
)
