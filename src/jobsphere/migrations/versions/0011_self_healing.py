"""How far Stripe's list of events was read, and what was asked and told of what waits for long."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE event_cursors (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        account TEXT NOT NULL,
        read_to BIGINT DEFAULT 0 NOT NULL,
        sweep_newest BIGINT,
        sweep_after TEXT,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT event_cursors_pkey PRIMARY KEY (id),
        CONSTRAINT event_cursors_sweep_is_whole CHECK ((sweep_newest IS NULL) = (sweep_after IS NULL)),
        CONSTRAINT event_cursors_account_key UNIQUE (account)
    )
    """,
    "CREATE INDEX event_cursors_next_try_at_idx ON event_cursors (next_try_at)",
    """
    CREATE TABLE obligations (
        subject TEXT NOT NULL,
        state TEXT NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_ask_at TIMESTAMP WITH TIME ZONE,
        alerted_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT obligations_pkey PRIMARY KEY (subject)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
