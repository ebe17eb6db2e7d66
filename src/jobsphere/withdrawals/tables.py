"""Withdrawals in PostgreSQL."""

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

# What admins switch on and off for everybody; every process reads it here.
switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    # Empty: from the command line.
    Column("changed_by", ForeignKey("users.id")),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    # Also the id of the transaction that people see.
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("account_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Which attempt each call is at: a refusal ends an attempt, an unknown outcome does not.
    Column("transfer_attempt", Integer, nullable=False, server_default=sql("1")),
    Column("payout_attempt", Integer, nullable=False, server_default=sql("1")),
    Column("reversal_attempt", Integer, nullable=False, server_default=sql("1")),
    Column("transfer_id", Text, unique=True),
    Column("payout_id", Text, unique=True),
    Column("reversal_id", Text, unique=True),
    Column("reason", Text),
    Column("estimated_arrival", DateTime(timezone=True)),
    # When what it waits for is expected.
    Column("waits_until", DateTime(timezone=True)),
    # When the bank's refusal became known: nothing goes to that bank account again.
    Column("payout_failed_at", DateTime(timezone=True)),
    # When Stripe was last asked whether the bank sent back what counts as paid.
    Column("watched_at", DateTime(timezone=True)),
    # In which state the answer was lost.
    Column("unresolved_in", Text),
    Column("tries", Integer, nullable=False, server_default=sql("0")),
    # When the worker goes on with it; empty when it waits for Stripe or for nothing.
    Column("next_try_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "state IN ('requested', 'held_for_review', 'reserved', 'transferring', 'transferred', 'paying_out',"
        " 'in_transit', 'paid', 'failed', 'reversing', 'unresolved', 'returned', 'canceled')",
        name="state_is_known",
    ),
    CheckConstraint(
        "(state = 'unresolved') = (unresolved_in IS NOT NULL)"
        " AND unresolved_in IN ('transferring', 'paying_out', 'reversing')",
        name="unresolved_says_in_what",
    ),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    Index(None, "next_try_at", postgresql_where=sql("next_try_at IS NOT NULL")),
    Index(None, "wallet_id"),
    Index("withdrawals_paid_idx", "estimated_arrival", postgresql_where=sql("state = 'paid'")),
    Index("withdrawals_refused_by_bank_idx", "account_id", postgresql_where=sql("payout_failed_at IS NOT NULL")),
)
