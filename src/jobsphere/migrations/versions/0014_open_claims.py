"""How often an event was claimed without anybody coming back."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE webhook_events ADD COLUMN open_claims INTEGER DEFAULT 0 NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
