"""Every attempt to charge a card is kept; deposits that nobody finishes expire."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE deposits
        ADD COLUMN attempted_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN attempts_ended INTEGER DEFAULT 0 NOT NULL,
        ADD COLUMN failed_with TEXT
    """,
    """
    UPDATE deposits SET attempted_at = created_at,
        attempts_ended = CASE WHEN state IN ('declined', 'succeeded') THEN 1 ELSE 0 END,
        next_try_at = CASE WHEN state IN ('requires_action', 'declined')
            THEN created_at + interval '24 hours' ELSE next_try_at END
    """,
    "ALTER TABLE deposits ALTER COLUMN attempted_at SET NOT NULL",
    "ALTER TABLE deposits DROP CONSTRAINT deposits_state_is_known",
    """
    ALTER TABLE deposits ADD CONSTRAINT deposits_state_is_known CHECK (state IN ('created', 'confirming',
        'requires_action', 'processing', 'declined', 'succeeded', 'canceled', 'expired'))
    """,
    """
    CREATE TABLE deposit_attempts (
        deposit_id UUID NOT NULL,
        number INTEGER NOT NULL,
        state TEXT NOT NULL,
        payment_method_id TEXT,
        card_fingerprint TEXT,
        card_brand TEXT,
        card_last4 TEXT,
        charge_id TEXT,
        failure_code TEXT,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT deposit_attempts_pkey PRIMARY KEY (deposit_id, number),
        CONSTRAINT deposit_attempts_deposit_id_fkey FOREIGN KEY(deposit_id) REFERENCES deposits (id),
        CONSTRAINT deposit_attempts_state_is_known
            CHECK (state IN ('open', 'succeeded', 'declined', 'abandoned')),
        CONSTRAINT deposit_attempts_counts_from_one CHECK (number > 0),
        CONSTRAINT deposit_attempts_ended_has_its_time CHECK ((state = 'open') = (ended_at IS NULL)),
        CONSTRAINT deposit_attempts_declined_has_its_reason
            CHECK ((state = 'declined') = (failure_code IS NOT NULL))
    )
    """,
    """
    CREATE INDEX deposit_attempts_card_fingerprint_ended_at_idx ON deposit_attempts (card_fingerprint, ended_at)
        WHERE card_fingerprint IS NOT NULL
    """,
    """
    INSERT INTO deposit_attempts (
        deposit_id, number, state, payment_method_id, charge_id, failure_code, started_at, ended_at)
    SELECT id, 1,
        CASE state WHEN 'succeeded' THEN 'succeeded' WHEN 'declined' THEN 'declined'
            WHEN 'canceled' THEN 'abandoned' ELSE 'open' END,
        payment_method_id, charge_id, CASE state WHEN 'declined' THEN failure_code END, created_at,
        CASE WHEN state IN ('succeeded', 'declined', 'canceled') THEN created_at END
    FROM deposits
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
