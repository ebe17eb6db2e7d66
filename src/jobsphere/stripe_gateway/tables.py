"""The calls to Stripe that change something, each with the key that makes it happen once."""

from sqlalchemy import CheckConstraint, Column, DateTime, Table, Text

from jobsphere.schema import metadata

stripe_calls = Table(
    "stripe_calls",
    metadata,
    Column("key", Text, primary_key=True),
    Column("first_sent_at", DateTime(timezone=True), nullable=False),
    # Empty while the outcome is open or unknown.
    Column("finished_at", DateTime(timezone=True)),
    Column("object_id", Text),
    Column("refusal", Text),
    CheckConstraint(
        "(finished_at IS NULL) = (object_id IS NULL AND refusal IS NULL)", name="finished_has_an_outcome"
    ),
)
