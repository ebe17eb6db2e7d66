"""Refunds in PostgreSQL."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql

from jobsphere.schema import metadata

refunds = Table(
    "refunds",
    metadata,
    # Also the id of the transaction that people see.
    Column("id", Uuid, primary_key=True),
    Column("deposit_id", ForeignKey("deposits.id"), nullable=False),
    Column("stripe_refund_id", Text, unique=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("payment_intent_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Whether it has left the platform's balance at Stripe.
    Column("is_taken", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=sql("1")),
    Column("reason", Text),
    # Empty for one that was made at Stripe.
    Column("requested_by", ForeignKey("users.id")),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    # When the worker goes on with it; empty when it waits for Stripe or for nothing.
    Column("next_try_at", DateTime(timezone=True)),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint(
        "state IN ('requested', 'sending', 'pending', 'succeeded', 'failed', 'canceled')", name="state_is_known"
    ),
    CheckConstraint(
        "state IN ('requested', 'sending', 'canceled') OR stripe_refund_id IS NOT NULL", name="made_has_its_id"
    ),
    Index(None, "deposit_id"),
    Index(None, "user_id", "created_at", "id"),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
)
