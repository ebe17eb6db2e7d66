"""Withdrawals that are held, canceled or unresolved; when what they wait for is expected, and when a bank refused."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE withdrawals
        ADD COLUMN waits_until TIMESTAMP WITH TIME ZONE,
        ADD COLUMN payout_failed_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN unresolved_in TEXT
    """,
    """
    ALTER TABLE withdrawals DROP CONSTRAINT withdrawals_state_is_known
    """,
    """
    ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_state_is_known CHECK (
        state IN ('requested', 'held_for_review', 'reserved', 'transferring', 'transferred', 'paying_out',
            'in_transit', 'paid', 'failed', 'reversing', 'unresolved', 'returned', 'canceled')
    )
    """,
    """
    ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_unresolved_says_in_what CHECK (
        (state = 'unresolved') = (unresolved_in IS NOT NULL)
            AND unresolved_in IN ('transferring', 'paying_out', 'reversing')
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
