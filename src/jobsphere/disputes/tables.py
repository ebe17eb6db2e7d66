"""Disputes, what was frozen and moved for them, our answers, and early fraud warnings in PostgreSQL."""

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
from sqlalchemy.dialects.postgresql import JSONB

from jobsphere.schema import append_only, metadata

disputes = Table(
    "disputes",
    metadata,
    # Also the id of the transaction that people see.
    Column("id", Uuid, primary_key=True),
    Column("stripe_dispute_id", Text, nullable=False, unique=True),
    Column("deposit_id", ForeignKey("deposits.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    # The bank's figure; what moved is in the other columns.
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("withdrawn_minor", BigInteger, nullable=False),
    Column("reinstated_minor", BigInteger, nullable=False),
    # What of it was borne by somebody, and of that by the customer.
    Column("settled_minor", BigInteger, nullable=False),
    Column("borne_by_customer_minor", BigInteger, nullable=False),
    Column("is_frozen", Boolean, nullable=False),
    Column("evidence_due_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "state IN ('inquiry', 'open', 'under_review', 'decided', 'won', 'lost', 'closed')", name="state_is_known"
    ),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    Index(None, "deposit_id"),
    Index(None, "created_at", "id"),
    Index("disputes_due_idx", "evidence_due_at", postgresql_where=sql("state IN ('inquiry', 'open')")),
)

dispute_movements = Table(
    "dispute_movements",
    metadata,
    # Stripe's balance transaction: booked once, whatever tells of it.
    Column("id", Text, primary_key=True),
    Column("dispute_id", ForeignKey("disputes.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("booked_at", DateTime(timezone=True), nullable=False),
    Index(None, "dispute_id"),
)
append_only("dispute_movements")

dispute_parts = Table(
    "dispute_parts",
    metadata,
    Column("dispute_id", ForeignKey("disputes.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("amount_minor", BigInteger, nullable=False),
    # Whose escrow it came from; empty for the wallet.
    Column("offer_id", ForeignKey("offers.id")),
    Column("state", Text, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("state IN ('frozen', 'thawed', 'taken')", name="state_is_known"),
    Index(None, "offer_id", postgresql_where=sql("offer_id IS NOT NULL")),
)

dispute_answers = Table(
    "dispute_answers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("dispute_id", ForeignKey("disputes.id"), nullable=False),
    Column("kind", Text, nullable=False),
    # What is submitted, under Stripe's names; empty for an acceptance.
    Column("evidence", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=sql("1")),
    Column("answered_by", ForeignKey("users.id"), nullable=False),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    Column("next_try_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("kind IN ('evidence', 'acceptance')", name="kind_is_known"),
    CheckConstraint("state IN ('sending', 'sent', 'refused')", name="state_is_known"),
    CheckConstraint("(state = 'sending') = (next_try_at IS NOT NULL)", name="sending_has_its_next_try"),
    # A bank takes one answer.
    Index(
        "dispute_answers_one_per_dispute", "dispute_id", unique=True, postgresql_where=sql("state <> 'refused'")
    ),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
)

fraud_warnings = Table(
    "fraud_warnings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("stripe_warning_id", Text, nullable=False, unique=True),
    Column("deposit_id", ForeignKey("deposits.id"), nullable=False),
    Column("fraud_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reviewed_by", ForeignKey("users.id")),
    Column("reviewed_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("state IN ('open', 'reviewed', 'overtaken')", name="state_is_known"),
    CheckConstraint("(state = 'reviewed') = (reviewed_at IS NOT NULL)", name="reviewed_has_its_time"),
    Index(None, "deposit_id"),
    Index(None, "created_at", "id"),
)
