"""Deposits in PostgreSQL."""

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

deposits = Table(
    "deposits",
    metadata,
    # Also the id of the transaction that people see.
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("payment_method_id", Text, nullable=False),
    Column("payment_intent_id", Text, unique=True),
    Column("charge_id", Text, unique=True),
    Column("failure_code", Text),
    # What went back to its card, or is on the way there: refunds that neither failed nor were canceled.
    Column("refunded_minor", BigInteger, nullable=False, server_default=sql("0")),
    # What disputes hold of it or took.
    Column("contested_minor", BigInteger, nullable=False, server_default=sql("0")),
    # While a dispute is open, Stripe refunds nothing of it and neither do we.
    Column("is_disputed", Boolean, nullable=False, server_default=sql("false")),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    # When the worker goes on with it; empty when it waits for Stripe or for nothing.
    Column("next_try_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("attempted_at", DateTime(timezone=True), nullable=False),
    # Whether the card that pays is kept for next time.
    Column("saves_card", Boolean, nullable=False, server_default=sql("false")),
    Column("attempts_ended", Integer, nullable=False, server_default=sql("0")),
    # The charge, or the payment method, of the last attempt that failed.
    Column("failed_with", Text),
    CheckConstraint(
        "state IN ('created', 'confirming', 'requires_action', 'processing', 'declined', 'succeeded', 'canceled',"
        " 'expired')",
        name="state_is_known",
    ),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("refunded_minor BETWEEN 0 AND amount_minor", name="never_refunded_more_than_paid"),
    CheckConstraint("contested_minor BETWEEN 0 AND amount_minor", name="never_contested_more_than_paid"),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
    Index(None, "wallet_id"),
)

deposit_attempts = Table(
    "deposit_attempts",
    metadata,
    Column("deposit_id", ForeignKey("deposits.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    # Empty where the browser chose the card and Stripe did not say which.
    Column("payment_method_id", Text),
    Column("card_fingerprint", Text),
    Column("card_brand", Text),
    Column("card_last4", Text),
    Column("charge_id", Text),
    Column("failure_code", Text),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('open', 'succeeded', 'declined', 'abandoned')", name="state_is_known"),
    CheckConstraint("number > 0", name="counts_from_one"),
    CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended_has_its_time"),
    CheckConstraint("(state = 'declined') = (failure_code IS NOT NULL)", name="declined_has_its_reason"),
    Index(None, "card_fingerprint", "ended_at", postgresql_where=sql("card_fingerprint IS NOT NULL")),
)

charge_fees = Table(
    "charge_fees",
    metadata,
    # The deposit's: one charge of each succeeds.
    Column("id", ForeignKey("deposits.id"), primary_key=True),
    Column("charge_id", Text, unique=True),
    Column("state", Text, nullable=False),
    Column("balance_transaction_id", Text, unique=True),
    # Below zero if Stripe gives more than was charged.
    Column("fee_minor", BigInteger),
    Column("currency", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    Column("next_try_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("booked_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('pending', 'booked')", name="state_is_known"),
    CheckConstraint("(state = 'booked') = (fee_minor IS NOT NULL)", name="booked_is_known"),
    CheckConstraint("(state = 'booked') = (booked_at IS NOT NULL)", name="booked_has_its_time"),
    CheckConstraint("(state = 'pending') = (next_try_at IS NOT NULL)", name="pending_is_asked_for"),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
)

saved_cards = Table(
    "saved_cards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("payment_method_id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("is_default", Boolean, nullable=False, server_default=sql("false")),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    Column("next_try_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("state IN ('saved', 'removing', 'removed')", name="state_is_known"),
    CheckConstraint("NOT is_default OR state = 'saved'", name="default_is_saved"),
    CheckConstraint("(state = 'removing') = (next_try_at IS NOT NULL)", name="removing_is_gone_on_with"),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
    Index(None, "user_id", unique=True, postgresql_where=sql("is_default")),
    Index("saved_cards_of_user_idx", "user_id"),
)
