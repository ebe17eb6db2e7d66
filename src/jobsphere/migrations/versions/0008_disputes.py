"""Disputes with what was frozen and moved for them, our answers, early fraud warnings, and jobs that wait."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    # One dispute may leave debts twice: when it is lost, and when Stripe takes more after that.
    "ALTER TABLE debts DROP CONSTRAINT debts_origin_origin_id_key",
    """
    ALTER TABLE transactions
        DROP CONSTRAINT transactions_type_is_known,
        ADD CONSTRAINT transactions_type_is_known CHECK (type IN ('deposit', 'withdrawal', 'escrow_hold', 'platform_fee', 'service_fee', 'contractor_payout', 'refund', 'dispute', 'debt_repayment'))
    """,
    """
    ALTER TABLE jobs
        DROP CONSTRAINT jobs_state_is_known,
        ADD CONSTRAINT jobs_state_is_known CHECK (state IN ('open', 'assigned', 'paused', 'completed', 'closed', 'canceled'))
    """,
    """
    ALTER TABLE offers
        DROP CONSTRAINT offers_state_is_known,
        ADD CONSTRAINT offers_state_is_known CHECK (state IN ('sent', 'accepted', 'completed', 'declined', 'withdrawn', 'expired', 'canceled'))
    """,
    "DROP TRIGGER refuse_backward ON offers",
    "DROP TRIGGER refuse_backward ON jobs",
    """
    CREATE TRIGGER refuse_backward BEFORE UPDATE OF state ON offers FOR EACH ROW
    WHEN (NOT (
        (OLD.state = 'sent' AND NEW.state IN ('accepted', 'declined', 'withdrawn', 'expired'))
        OR (OLD.state = 'accepted' AND NEW.state IN ('completed', 'canceled'))
    ))
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_backward BEFORE UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NOT (
        (OLD.state = 'open' AND NEW.state IN ('assigned', 'closed'))
        OR (OLD.state = 'assigned' AND NEW.state IN ('completed', 'paused'))
        OR (OLD.state = 'paused' AND NEW.state IN ('assigned', 'canceled'))
    ))
    EXECUTE FUNCTION refuse_change()
    """,
    "ALTER TABLE offers ENABLE ALWAYS TRIGGER refuse_backward",
    "ALTER TABLE jobs ENABLE ALWAYS TRIGGER refuse_backward",
    """
    CREATE TABLE disputes (
        id UUID NOT NULL,
        stripe_dispute_id TEXT NOT NULL,
        deposit_id UUID NOT NULL,
        user_id UUID NOT NULL,
        wallet_id UUID NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        reason TEXT NOT NULL,
        state TEXT NOT NULL,
        withdrawn_minor BIGINT NOT NULL,
        reinstated_minor BIGINT NOT NULL,
        settled_minor BIGINT NOT NULL,
        borne_by_customer_minor BIGINT NOT NULL,
        is_frozen BOOLEAN NOT NULL,
        evidence_due_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT disputes_pkey PRIMARY KEY (id),
        CONSTRAINT disputes_stripe_dispute_id_key UNIQUE (stripe_dispute_id),
        CONSTRAINT disputes_state_is_known CHECK (state IN ('inquiry', 'open', 'under_review', 'decided', 'won', 'lost', 'closed')),
        CONSTRAINT disputes_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT disputes_deposit_id_fkey FOREIGN KEY (deposit_id) REFERENCES deposits (id),
        CONSTRAINT disputes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
        CONSTRAINT disputes_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets (id)
    )
    """,
    "CREATE INDEX disputes_deposit_id_idx ON disputes (deposit_id)",
    "CREATE INDEX disputes_created_at_id_idx ON disputes (created_at, id)",
    "CREATE INDEX disputes_due_idx ON disputes (evidence_due_at) WHERE state IN ('inquiry', 'open')",
    """
    CREATE TABLE dispute_movements (
        id TEXT NOT NULL,
        dispute_id UUID NOT NULL,
        amount_minor BIGINT NOT NULL,
        fee_minor BIGINT NOT NULL,
        booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT dispute_movements_pkey PRIMARY KEY (id),
        CONSTRAINT dispute_movements_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES disputes (id)
    )
    """,
    "CREATE INDEX dispute_movements_dispute_id_idx ON dispute_movements (dispute_id)",
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON dispute_movements FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON dispute_movements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE dispute_movements ENABLE ALWAYS TRIGGER refuse_change",
    "ALTER TABLE dispute_movements ENABLE ALWAYS TRIGGER refuse_truncate",
    """
    CREATE TABLE dispute_parts (
        dispute_id UUID NOT NULL,
        position INTEGER NOT NULL,
        amount_minor BIGINT NOT NULL,
        offer_id UUID,
        state TEXT NOT NULL,
        CONSTRAINT dispute_parts_pkey PRIMARY KEY (dispute_id, position),
        CONSTRAINT dispute_parts_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT dispute_parts_state_is_known CHECK (state IN ('frozen', 'thawed', 'taken')),
        CONSTRAINT dispute_parts_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES disputes (id),
        CONSTRAINT dispute_parts_offer_id_fkey FOREIGN KEY (offer_id) REFERENCES offers (id)
    )
    """,
    "CREATE INDEX dispute_parts_offer_id_idx ON dispute_parts (offer_id) WHERE offer_id IS NOT NULL",
    """
    CREATE TABLE dispute_answers (
        id UUID NOT NULL,
        dispute_id UUID NOT NULL,
        kind TEXT NOT NULL,
        evidence JSONB NOT NULL,
        state TEXT NOT NULL,
        attempt INTEGER DEFAULT 1 NOT NULL,
        answered_by UUID NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT dispute_answers_pkey PRIMARY KEY (id),
        CONSTRAINT dispute_answers_kind_is_known CHECK (kind IN ('evidence', 'acceptance')),
        CONSTRAINT dispute_answers_state_is_known CHECK (state IN ('sending', 'sent', 'refused')),
        CONSTRAINT dispute_answers_sending_has_its_next_try CHECK ((state = 'sending') = (next_try_at IS NOT NULL)),
        CONSTRAINT dispute_answers_dispute_id_fkey FOREIGN KEY (dispute_id) REFERENCES disputes (id),
        CONSTRAINT dispute_answers_answered_by_fkey FOREIGN KEY (answered_by) REFERENCES users (id)
    )
    """,
    "CREATE UNIQUE INDEX dispute_answers_one_per_dispute ON dispute_answers (dispute_id) WHERE state <> 'refused'",
    "CREATE INDEX dispute_answers_next_try_at_idx ON dispute_answers (next_try_at) WHERE next_try_at IS NOT NULL",
    """
    CREATE TABLE fraud_warnings (
        id UUID NOT NULL,
        stripe_warning_id TEXT NOT NULL,
        deposit_id UUID NOT NULL,
        fraud_type TEXT NOT NULL,
        state TEXT NOT NULL,
        reviewed_by UUID,
        reviewed_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT fraud_warnings_pkey PRIMARY KEY (id),
        CONSTRAINT fraud_warnings_stripe_warning_id_key UNIQUE (stripe_warning_id),
        CONSTRAINT fraud_warnings_state_is_known CHECK (state IN ('open', 'reviewed', 'overtaken')),
        CONSTRAINT fraud_warnings_reviewed_has_its_time CHECK ((state = 'reviewed') = (reviewed_at IS NOT NULL)),
        CONSTRAINT fraud_warnings_deposit_id_fkey FOREIGN KEY (deposit_id) REFERENCES deposits (id),
        CONSTRAINT fraud_warnings_reviewed_by_fkey FOREIGN KEY (reviewed_by) REFERENCES users (id)
    )
    """,
    "CREATE INDEX fraud_warnings_deposit_id_idx ON fraud_warnings (deposit_id)",
    "CREATE INDEX fraud_warnings_created_at_id_idx ON fraud_warnings (created_at, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
