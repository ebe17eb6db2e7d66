"""Paid withdrawals that Stripe is asked about, and banks that refused."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE withdrawals ADD COLUMN watched_at TIMESTAMP WITH TIME ZONE
    """,
    """
    CREATE INDEX withdrawals_paid_idx ON withdrawals (estimated_arrival) WHERE state = 'paid'
    """,
    """
    CREATE INDEX withdrawals_refused_by_bank_idx ON withdrawals (account_id) WHERE payout_failed_at IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
