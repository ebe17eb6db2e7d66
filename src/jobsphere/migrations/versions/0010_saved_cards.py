"""Cards that people keep: which one they pay with, and which Stripe is to forget."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE deposits ADD COLUMN saves_card BOOLEAN DEFAULT false NOT NULL
    """,
    """
    CREATE TABLE saved_cards (
        id UUID NOT NULL,
        user_id UUID NOT NULL,
        payment_method_id TEXT NOT NULL,
        state TEXT NOT NULL,
        is_default BOOLEAN DEFAULT false NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT saved_cards_pkey PRIMARY KEY (id),
        CONSTRAINT saved_cards_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
        CONSTRAINT saved_cards_payment_method_id_key UNIQUE (payment_method_id),
        CONSTRAINT saved_cards_state_is_known CHECK (state IN ('saved', 'removing', 'removed')),
        CONSTRAINT saved_cards_default_is_saved CHECK (NOT is_default OR state = 'saved'),
        CONSTRAINT saved_cards_removing_is_gone_on_with CHECK ((state = 'removing') = (next_try_at IS NOT NULL))
    )
    """,
    """
    CREATE INDEX saved_cards_next_try_at_idx ON saved_cards (next_try_at) WHERE next_try_at IS NOT NULL
    """,
    """
    CREATE UNIQUE INDEX saved_cards_user_id_idx ON saved_cards (user_id) WHERE is_default
    """,
    """
    CREATE INDEX saved_cards_of_user_idx ON saved_cards (user_id)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
