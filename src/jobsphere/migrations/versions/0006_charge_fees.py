"""What Stripe keeps of each charge, asked for until it is known."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE charge_fees (
        id UUID NOT NULL,
        charge_id TEXT,
        state TEXT NOT NULL,
        balance_transaction_id TEXT,
        fee_minor BIGINT,
        currency TEXT NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        booked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT charge_fees_pkey PRIMARY KEY (id),
        CONSTRAINT charge_fees_id_fkey FOREIGN KEY(id) REFERENCES deposits (id),
        CONSTRAINT charge_fees_charge_id_key UNIQUE (charge_id),
        CONSTRAINT charge_fees_balance_transaction_id_key UNIQUE (balance_transaction_id),
        CONSTRAINT charge_fees_state_is_known CHECK (state IN ('pending', 'booked')),
        CONSTRAINT charge_fees_booked_is_known CHECK ((state = 'booked') = (fee_minor IS NOT NULL)),
        CONSTRAINT charge_fees_booked_has_its_time CHECK ((state = 'booked') = (booked_at IS NOT NULL)),
        CONSTRAINT charge_fees_pending_is_asked_for CHECK ((state = 'pending') = (next_try_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX charge_fees_next_try_at_idx ON charge_fees (next_try_at) WHERE next_try_at IS NOT NULL
    """,
    """
    INSERT INTO charge_fees (id, charge_id, state, currency, next_try_at, created_at)
    SELECT id, charge_id, 'pending', currency, created_at, created_at FROM deposits WHERE state = 'succeeded'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
