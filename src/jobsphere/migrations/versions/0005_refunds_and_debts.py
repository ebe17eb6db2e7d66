"""Refunds with a life cycle, and debts with their origin."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Columns are added with a value for the rows there are, and without one for those to come.
    """
    ALTER TABLE deposits
        ADD COLUMN refunded_minor BIGINT DEFAULT 0 NOT NULL,
        ADD COLUMN contested_minor BIGINT DEFAULT 0 NOT NULL,
        ADD COLUMN is_disputed BOOLEAN DEFAULT false NOT NULL
    """,
    """
    UPDATE deposits SET refunded_minor = made.minor
    FROM (SELECT deposit_id, sum(amount_minor) AS minor FROM refunds GROUP BY deposit_id) AS made
    WHERE made.deposit_id = deposits.id
    """,
    """
    ALTER TABLE deposits
        ADD CONSTRAINT deposits_never_refunded_more_than_paid CHECK (refunded_minor BETWEEN 0 AND amount_minor),
        ADD CONSTRAINT deposits_never_contested_more_than_paid CHECK (contested_minor BETWEEN 0 AND amount_minor)
    """,
    """
    ALTER TABLE refunds
        ALTER COLUMN stripe_refund_id DROP NOT NULL,
        ADD COLUMN user_id UUID,
        ADD COLUMN wallet_id UUID,
        ADD COLUMN payment_intent_id TEXT,
        ADD COLUMN state TEXT DEFAULT 'succeeded' NOT NULL,
        ADD COLUMN is_taken BOOLEAN DEFAULT true NOT NULL,
        ADD COLUMN attempt INTEGER DEFAULT 1 NOT NULL,
        ADD COLUMN reason TEXT,
        ADD COLUMN requested_by UUID,
        ADD COLUMN tries INTEGER DEFAULT 0 NOT NULL,
        ADD COLUMN next_try_at TIMESTAMP WITH TIME ZONE
    """,
    """
    UPDATE refunds
    SET user_id = d.user_id, wallet_id = d.wallet_id, payment_intent_id = d.payment_intent_id
    FROM deposits AS d WHERE d.id = refunds.deposit_id
    """,
    """
    ALTER TABLE refunds
        ALTER COLUMN user_id SET NOT NULL,
        ALTER COLUMN wallet_id SET NOT NULL,
        ALTER COLUMN payment_intent_id SET NOT NULL,
        ALTER COLUMN state DROP DEFAULT,
        ALTER COLUMN is_taken DROP DEFAULT,
        ADD CONSTRAINT refunds_state_is_known CHECK (state IN ('requested', 'sending', 'pending', 'succeeded', 'failed', 'canceled')),
        ADD CONSTRAINT refunds_made_has_its_id CHECK (state IN ('requested', 'sending', 'canceled') OR stripe_refund_id IS NOT NULL),
        ADD CONSTRAINT refunds_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
        ADD CONSTRAINT refunds_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets (id),
        ADD CONSTRAINT refunds_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES users (id)
    """,
    "CREATE INDEX refunds_user_id_created_at_id_idx ON refunds (user_id, created_at, id)",
    "CREATE INDEX refunds_next_try_at_idx ON refunds (next_try_at) WHERE next_try_at IS NOT NULL",
    """
    ALTER TABLE transactions
        DROP CONSTRAINT transactions_type_is_known,
        ADD CONSTRAINT transactions_type_is_known CHECK (type IN ('deposit', 'withdrawal', 'escrow_hold', 'platform_fee', 'service_fee', 'contractor_payout', 'refund', 'debt_repayment'))
    """,
    """
    CREATE TABLE debts (
        id UUID NOT NULL,
        wallet_id UUID NOT NULL,
        origin TEXT NOT NULL,
        origin_id UUID NOT NULL,
        amount_minor BIGINT NOT NULL,
        repaid_minor BIGINT DEFAULT 0 NOT NULL,
        currency TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT debts_pkey PRIMARY KEY (id),
        CONSTRAINT debts_origin_origin_id_key UNIQUE (origin, origin_id),
        CONSTRAINT debts_origin_is_known CHECK (origin IN ('refund', 'dispute')),
        CONSTRAINT debts_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT debts_never_repaid_twice CHECK (repaid_minor BETWEEN 0 AND amount_minor),
        CONSTRAINT debts_wallet_id_fkey FOREIGN KEY (wallet_id) REFERENCES wallets (id)
    )
    """,
    # A debt before there was this table was left by the refund with which its account was opened.
    """
    INSERT INTO debts (id, wallet_id, origin, origin_id, amount_minor, currency, created_at)
    SELECT r.id, r.wallet_id, 'refund', r.id, p.amount_minor, p.currency, r.created_at
    FROM refunds AS r
    JOIN journal_entries AS e ON e.reference = 'refund:' || r.stripe_refund_id
    JOIN postings AS p ON p.entry_id = e.id
    JOIN ledger_accounts AS a ON a.id = p.debit_account_id
    WHERE a.name = 'wallet:' || r.wallet_id || ':debt'
    """,
    "CREATE INDEX debts_open_idx ON debts (wallet_id) WHERE repaid_minor < amount_minor",
    "CREATE INDEX debts_wallet_id_created_at_id_idx ON debts (wallet_id, created_at, id)",
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OF id, wallet_id, origin, origin_id, amount_minor, currency, created_at OR DELETE ON debts FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON debts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE debts ENABLE ALWAYS TRIGGER refuse_change",
    "ALTER TABLE debts ENABLE ALWAYS TRIGGER refuse_truncate",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
