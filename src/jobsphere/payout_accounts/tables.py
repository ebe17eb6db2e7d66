"""Payout accounts in PostgreSQL."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, ForeignKey, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from jobsphere.schema import metadata

payout_accounts = Table(
    "payout_accounts",
    metadata,
    # Stripe's id; the wallet names the one that is used now, earlier ones are disconnected.
    Column("account_id", Text, primary_key=True),
    Column("wallet_id", ForeignKey("wallets.id"), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    # What Stripe last said of it, and when that was asked; empty until the first answer.
    Column("seen_at", DateTime(timezone=True)),
    Column("state", Text, nullable=False),
    Column("country", Text),
    Column("default_currency", Text),
    Column("transfers", Text),
    Column("payouts_enabled", Boolean, nullable=False),
    Column("details_submitted", Boolean, nullable=False),
    Column("disabled_reason", Text),
    Column("currently_due", JSONB, nullable=False),
    # The bank account that payouts go to, or went to last: one that is removed stays known, so that the next is
    # seen to be another.
    Column("bank_id", Text),
    Column("bank_fingerprint", Text),
    Column("bank_last4", Text),
    Column("bank_name", Text),
    # When another one took its place; the first one is no change.
    Column("bank_changed_at", DateTime(timezone=True)),
    CheckConstraint(
        "state IN ('incomplete', 'action_needed', 'bank_account_missing', 'being_checked', 'ready',"
        " 'other_currency', 'stopped', 'disconnected')",
        name="state_is_known",
    ),
    Index(None, "wallet_id"),
)
