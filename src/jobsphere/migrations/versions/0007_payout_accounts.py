"""Payout accounts: what Stripe says of each, and which bank account money goes to."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE payout_accounts (
        account_id TEXT NOT NULL,
        wallet_id UUID NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        seen_at TIMESTAMP WITH TIME ZONE,
        state TEXT NOT NULL,
        country TEXT,
        default_currency TEXT,
        transfers TEXT,
        payouts_enabled BOOLEAN NOT NULL,
        details_submitted BOOLEAN NOT NULL,
        disabled_reason TEXT,
        currently_due JSONB NOT NULL,
        bank_id TEXT,
        bank_fingerprint TEXT,
        bank_last4 TEXT,
        bank_name TEXT,
        bank_changed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT payout_accounts_pkey PRIMARY KEY (account_id),
        CONSTRAINT payout_accounts_state_is_known CHECK (state IN ('incomplete', 'action_needed', 'bank_account_missing', 'being_checked', 'ready', 'other_currency', 'stopped', 'disconnected')),
        CONSTRAINT payout_accounts_wallet_id_fkey FOREIGN KEY(wallet_id) REFERENCES wallets (id)
    )
    """,
    "CREATE INDEX payout_accounts_wallet_id_idx ON payout_accounts (wallet_id)",
    # Stripe says the rest at the next look: seen_at is empty.
    """
    INSERT INTO payout_accounts
        (account_id, wallet_id, opened_at, state, payouts_enabled, details_submitted, currently_due)
    SELECT stripe_connect_account_id, id, coalesce(stripe_connect_updated_at, now()),
           CASE WHEN stripe_connect_onboarded THEN 'ready' ELSE 'incomplete' END,
           stripe_connect_onboarded, stripe_connect_onboarded, '[]'
    FROM wallets WHERE stripe_connect_account_id IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
