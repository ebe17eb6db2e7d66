"""Freezes with a level, a reason, an author, an end and a time to look at them again."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE freezes (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        wallet_id UUID NOT NULL,
        level TEXT NOT NULL,
        reason TEXT NOT NULL,
        reference TEXT,
        author_id UUID,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        review_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE,
        lifted_at TIMESTAMP WITH TIME ZONE,
        lifted_by UUID,
        lift_reason TEXT,
        CONSTRAINT freezes_pkey PRIMARY KEY (id),
        CONSTRAINT freezes_level_is_known CHECK (level IN ('withdrawals', 'outgoing', 'all')),
        CONSTRAINT freezes_has_a_length CHECK (ends_at > created_at AND review_at > created_at),
        CONSTRAINT freezes_lifted_has_its_reason CHECK ((lifted_at IS NULL) = (lift_reason IS NULL)),
        CONSTRAINT freezes_reference_key UNIQUE (reference),
        CONSTRAINT freezes_wallet_id_fkey FOREIGN KEY(wallet_id) REFERENCES wallets (id),
        CONSTRAINT freezes_author_id_fkey FOREIGN KEY(author_id) REFERENCES users (id),
        CONSTRAINT freezes_lifted_by_fkey FOREIGN KEY(lifted_by) REFERENCES users (id)
    )
    """,
    "CREATE INDEX freezes_wallet_id_idx ON freezes (wallet_id) WHERE lifted_at IS NULL",
    "CREATE INDEX freezes_review_at_idx ON freezes (review_at) WHERE lifted_at IS NULL",
    # Until now a wallet was frozen or not, and that was for offers and withdrawals.
    """
    INSERT INTO freezes (wallet_id, level, reason, created_at, review_at)
    SELECT id, 'outgoing', 'Frozen before freezes had reasons of their own; the audit log has it.', now(), now() + interval '7 days'
    FROM wallets WHERE is_frozen
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OF id, wallet_id, level, reason, reference, author_id, created_at, review_at, ends_at OR DELETE ON freezes FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON freezes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE freezes ENABLE ALWAYS TRIGGER refuse_change",
    "ALTER TABLE freezes ENABLE ALWAYS TRIGGER refuse_truncate",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
