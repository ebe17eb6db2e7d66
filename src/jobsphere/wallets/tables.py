"""Wallets and transactions in PostgreSQL."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql

from jobsphere.schema import append_only, metadata

wallets = Table(
    "wallets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, unique=True),
    Column("currency", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=sql("true")),
    # Whether to look into ``freezes``: so wallets that never had one, nearly all, cost no look.
    Column("is_frozen", Boolean, nullable=False, server_default=sql("false")),
    Column("stripe_customer_id", Text, unique=True),
    Column("stripe_connect_account_id", Text, unique=True),
    # What Stripe last said of the connected account, by an event or when it was asked.
    Column("stripe_connect_onboarded", Boolean, nullable=False, server_default=sql("false")),
    Column("stripe_connect_updated_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_is_a_code"),
)

freezes = Table(
    "freezes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("level", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # What froze it, where that is to happen once: "dispute:<id>".
    Column("reference", Text, unique=True),
    # Empty when the platform did it by itself.
    Column("author_id", ForeignKey("users.id")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("review_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True)),
    Column("lifted_at", DateTime(timezone=True)),
    Column("lifted_by", ForeignKey("users.id")),
    Column("lift_reason", Text),
    CheckConstraint("level IN ('withdrawals', 'outgoing', 'all')", name="level_is_known"),
    CheckConstraint("ends_at > created_at AND review_at > created_at", name="has_a_length"),
    CheckConstraint("(lifted_at IS NULL) = (lift_reason IS NULL)", name="lifted_has_its_reason"),
    Index(None, "wallet_id", postgresql_where=sql("lifted_at IS NULL")),
    Index(None, "review_at", postgresql_where=sql("lifted_at IS NULL")),
)

# Why a wallet was frozen is kept as it was written; only its end is added.
append_only(
    "freezes",
    *("id", "wallet_id", "level", "reason", "reference", "author_id", "created_at", "review_at", "ends_at"),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # Empty where the money comes from or goes to the outside: a card, a bank, the platform.
    Column("from_wallet_id", ForeignKey("wallets.id")),
    Column("to_wallet_id", ForeignKey("wallets.id")),
    Column("status", Text, nullable=False),
    # No foreign keys: wallets know nothing of the marketplace.
    Column("offer_id", Uuid),
    Column("job_id", Uuid),
    Column("description", Text, nullable=False),
    Column("failure_reason", Text),
    Column("stripe_payment_intent_id", Text, unique=True),
    Column("stripe_charge_id", Text, unique=True),
    Column("stripe_transfer_id", Text, unique=True),
    Column("stripe_payout_id", Text, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    CheckConstraint(
        "type IN ('deposit', 'withdrawal', 'escrow_hold', 'platform_fee', 'service_fee',"
        " 'contractor_payout', 'refund', 'dispute', 'debt_repayment')",
        name="type_is_known",
    ),
    CheckConstraint("status IN ('pending', 'completed', 'failed')", name="status_is_known"),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("from_wallet_id IS NOT NULL OR to_wallet_id IS NOT NULL", name="concerns_a_wallet"),
    CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_has_its_time"),
    CheckConstraint("(status = 'failed') = (failure_reason IS NOT NULL)", name="failed_has_its_reason"),
    Index(None, "from_wallet_id", "created_at", "id"),
    Index(None, "to_wallet_id", "created_at", "id"),
)

debts = Table(
    "debts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    # What left the wallet short; its own id is ``origin_id``.
    Column("origin", Text, nullable=False),
    Column("origin_id", Uuid, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("repaid_minor", BigInteger, nullable=False, server_default=sql("0")),
    Column("currency", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("origin IN ('refund', 'dispute')", name="origin_is_known"),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("repaid_minor BETWEEN 0 AND amount_minor", name="never_repaid_twice"),
    Index("debts_open_idx", "wallet_id", postgresql_where=sql("repaid_minor < amount_minor")),
    Index(None, "wallet_id", "created_at", "id"),
)
append_only("debts", "id", "wallet_id", "origin", "origin_id", "amount_minor", "currency", "created_at")
