"""Switches that admins turn for everybody: whether new withdrawals are refused."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE switches (
        name TEXT NOT NULL,
        is_on BOOLEAN NOT NULL,
        reason TEXT NOT NULL,
        changed_by UUID,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT switches_pkey PRIMARY KEY (name),
        CONSTRAINT switches_changed_by_fkey FOREIGN KEY(changed_by) REFERENCES users (id)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
