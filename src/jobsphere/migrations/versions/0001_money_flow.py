"""The tables of the whole money flow, with the rules that PostgreSQL keeps."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE audit_log (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        actor_id UUID,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        details JSONB NOT NULL,
        CONSTRAINT audit_log_pkey PRIMARY KEY (id)
    )
    """,
    """
    CREATE INDEX audit_log_subject_idx ON audit_log (subject)
    """,
    """
    CREATE TABLE journal_entries (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference TEXT NOT NULL,
        posting_count SMALLINT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        CONSTRAINT journal_entries_pkey PRIMARY KEY (id),
        CONSTRAINT journal_entries_reference_is_given CHECK (reference <> ''),
        CONSTRAINT journal_entries_has_postings CHECK (posting_count > 0),
        CONSTRAINT journal_entries_reference_key UNIQUE (reference)
    )
    """,
    """
    CREATE TABLE ledger_accounts (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        name TEXT NOT NULL,
        currency TEXT NOT NULL,
        normal_side TEXT NOT NULL,
        may_go_below_zero BOOLEAN NOT NULL,
        CONSTRAINT ledger_accounts_pkey PRIMARY KEY (id),
        CONSTRAINT ledger_accounts_name_currency_key UNIQUE (name, currency),
        CONSTRAINT ledger_accounts_id_currency_key UNIQUE (id, currency),
        CONSTRAINT ledger_accounts_currency_is_a_code CHECK (currency ~ '^[a-z]{3}$'),
        CONSTRAINT ledger_accounts_normal_side_is_known CHECK (normal_side IN ('debit', 'credit')),
        CONSTRAINT ledger_accounts_only_platform_and_stripe_may_go_below_zero CHECK (may_go_below_zero = (name ~ '^(platform|stripe):' OR name = 'suspense'))
    )
    """,
    """
    CREATE TABLE stripe_calls (
        key TEXT NOT NULL,
        first_sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
        finished_at TIMESTAMP WITH TIME ZONE,
        object_id TEXT,
        refusal TEXT,
        CONSTRAINT stripe_calls_pkey PRIMARY KEY (key),
        CONSTRAINT stripe_calls_finished_has_an_outcome CHECK ((finished_at IS NULL) = (object_id IS NULL AND refusal IS NULL))
    )
    """,
    """
    CREATE TABLE users (
        id UUID NOT NULL,
        email TEXT NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        is_active BOOLEAN DEFAULT true NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT users_pkey PRIMARY KEY (id),
        CONSTRAINT users_email_is_given CHECK (email <> ''),
        CONSTRAINT users_name_is_given CHECK (name <> ''),
        CONSTRAINT users_role_is_known CHECK (role IN ('customer', 'contractor', 'admin'))
    )
    """,
    """
    CREATE UNIQUE INDEX users_email_key ON users (lower(email))
    """,
    """
    CREATE TABLE webhook_events (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        event_key TEXT NOT NULL,
        source TEXT NOT NULL,
        type TEXT,
        account_id TEXT,
        livemode BOOLEAN,
        payload BYTEA NOT NULL,
        received_at TIMESTAMP WITH TIME ZONE NOT NULL,
        status TEXT NOT NULL,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE,
        error TEXT,
        processed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT webhook_events_pkey PRIMARY KEY (id),
        CONSTRAINT webhook_events_source_is_known CHECK (source IN ('platform', 'connect')),
        CONSTRAINT webhook_events_status_is_known CHECK (status IN ('new', 'done', 'ignored', 'parked')),
        CONSTRAINT webhook_events_new_has_its_next_try CHECK ((status = 'new') = (next_try_at IS NOT NULL)),
        CONSTRAINT webhook_events_event_key_key UNIQUE (event_key)
    )
    """,
    """
    CREATE INDEX webhook_events_id_idx ON webhook_events (id) WHERE status = 'parked'
    """,
    """
    CREATE INDEX webhook_events_next_try_at_idx ON webhook_events (next_try_at) WHERE next_try_at IS NOT NULL
    """,
    """
    CREATE TABLE idempotency_keys (
        user_id UUID NOT NULL,
        route TEXT NOT NULL,
        key TEXT NOT NULL,
        body_sha256 BYTEA NOT NULL,
        answer_status SMALLINT NOT NULL,
        answer_body TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key),
        CONSTRAINT idempotency_keys_key_has_a_length CHECK (length(key) BETWEEN 1 AND 255),
        CONSTRAINT idempotency_keys_body_sha256_is_a_digest CHECK (length(body_sha256) = 32),
        CONSTRAINT idempotency_keys_answer_is_a_success CHECK (answer_status BETWEEN 200 AND 299),
        CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
    )
    """,
    """
    CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at)
    """,
    """
    CREATE TABLE jobs (
        id UUID NOT NULL,
        customer_id UUID NOT NULL,
        title TEXT NOT NULL,
        description TEXT NOT NULL,
        state TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        completed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT jobs_pkey PRIMARY KEY (id),
        CONSTRAINT jobs_id_customer_id_key UNIQUE (id, customer_id),
        CONSTRAINT jobs_title_is_short CHECK (char_length(title) BETWEEN 3 AND 120),
        CONSTRAINT jobs_description_is_limited CHECK (char_length(description) <= 5000),
        CONSTRAINT jobs_state_is_known CHECK (state IN ('open', 'assigned', 'completed', 'closed')),
        CONSTRAINT jobs_completed_has_its_time CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
        CONSTRAINT jobs_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES users (id)
    )
    """,
    """
    CREATE INDEX jobs_customer_id_created_at_id_idx ON jobs (customer_id, created_at, id)
    """,
    """
    CREATE INDEX jobs_open_idx ON jobs (created_at, id) WHERE state = 'open'
    """,
    """
    CREATE TABLE ledger_balances (
        account_id BIGINT NOT NULL,
        balance_minor BIGINT NOT NULL,
        CONSTRAINT ledger_balances_pkey PRIMARY KEY (account_id),
        CONSTRAINT ledger_balances_never_negative CHECK (balance_minor >= 0),
        CONSTRAINT ledger_balances_account_id_fkey FOREIGN KEY(account_id) REFERENCES ledger_accounts (id)
    )
    """,
    """
    CREATE TABLE notifications (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        reference TEXT NOT NULL,
        user_id UUID NOT NULL,
        type TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        data JSONB NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        read_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT notifications_pkey PRIMARY KEY (id),
        CONSTRAINT notifications_reference_key UNIQUE (reference),
        CONSTRAINT notifications_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id)
    )
    """,
    """
    CREATE INDEX notifications_user_id_idx ON notifications (user_id, id DESC)
    """,
    """
    CREATE TABLE postings (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        entry_id BIGINT NOT NULL,
        position SMALLINT NOT NULL,
        debit_account_id BIGINT NOT NULL,
        credit_account_id BIGINT NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        CONSTRAINT postings_pkey PRIMARY KEY (id),
        CONSTRAINT postings_entry_id_position_key UNIQUE (entry_id, position),
        CONSTRAINT postings_debit_account_id_currency_fkey FOREIGN KEY(debit_account_id, currency) REFERENCES ledger_accounts (id, currency),
        CONSTRAINT postings_credit_account_id_currency_fkey FOREIGN KEY(credit_account_id, currency) REFERENCES ledger_accounts (id, currency),
        CONSTRAINT postings_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT postings_two_accounts CHECK (debit_account_id <> credit_account_id),
        CONSTRAINT postings_entry_id_fkey FOREIGN KEY(entry_id) REFERENCES journal_entries (id)
    )
    """,
    """
    CREATE INDEX postings_credit_account_id_idx ON postings (credit_account_id)
    """,
    """
    CREATE INDEX postings_debit_account_id_idx ON postings (debit_account_id)
    """,
    """
    CREATE TABLE wallets (
        id UUID NOT NULL,
        user_id UUID NOT NULL,
        currency TEXT NOT NULL,
        is_active BOOLEAN DEFAULT true NOT NULL,
        is_frozen BOOLEAN DEFAULT false NOT NULL,
        stripe_customer_id TEXT,
        stripe_connect_account_id TEXT,
        stripe_connect_onboarded BOOLEAN DEFAULT false NOT NULL,
        stripe_connect_updated_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT wallets_pkey PRIMARY KEY (id),
        CONSTRAINT wallets_currency_is_a_code CHECK (currency ~ '^[a-z]{3}$'),
        CONSTRAINT wallets_user_id_key UNIQUE (user_id),
        CONSTRAINT wallets_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
        CONSTRAINT wallets_stripe_customer_id_key UNIQUE (stripe_customer_id),
        CONSTRAINT wallets_stripe_connect_account_id_key UNIQUE (stripe_connect_account_id)
    )
    """,
    """
    CREATE TABLE deposits (
        id UUID NOT NULL,
        user_id UUID NOT NULL,
        wallet_id UUID NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        state TEXT NOT NULL,
        payment_method_id TEXT NOT NULL,
        payment_intent_id TEXT,
        charge_id TEXT,
        failure_code TEXT,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT deposits_pkey PRIMARY KEY (id),
        CONSTRAINT deposits_state_is_known CHECK (state IN ('created', 'confirming', 'requires_action', 'processing', 'declined', 'succeeded', 'canceled')),
        CONSTRAINT deposits_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT deposits_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
        CONSTRAINT deposits_wallet_id_fkey FOREIGN KEY(wallet_id) REFERENCES wallets (id),
        CONSTRAINT deposits_payment_intent_id_key UNIQUE (payment_intent_id),
        CONSTRAINT deposits_charge_id_key UNIQUE (charge_id)
    )
    """,
    """
    CREATE INDEX deposits_next_try_at_idx ON deposits (next_try_at) WHERE next_try_at IS NOT NULL
    """,
    """
    CREATE INDEX deposits_wallet_id_idx ON deposits (wallet_id)
    """,
    """
    CREATE TABLE offers (
        id UUID NOT NULL,
        job_id UUID NOT NULL,
        customer_id UUID NOT NULL,
        contractor_id UUID NOT NULL,
        customer_wallet_id UUID NOT NULL,
        contractor_wallet_id UUID NOT NULL,
        amount_minor BIGINT NOT NULL,
        platform_fee_minor BIGINT NOT NULL,
        service_fee_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        message TEXT NOT NULL,
        state TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        answered_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT offers_pkey PRIMARY KEY (id),
        CONSTRAINT offers_job_id_customer_id_fkey FOREIGN KEY(job_id, customer_id) REFERENCES jobs (id, customer_id),
        CONSTRAINT offers_two_people CHECK (customer_id <> contractor_id),
        CONSTRAINT offers_two_wallets CHECK (customer_wallet_id <> contractor_wallet_id),
        CONSTRAINT offers_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT offers_platform_fee_is_not_negative CHECK (platform_fee_minor >= 0),
        CONSTRAINT offers_service_fee_is_part_of_the_amount CHECK (service_fee_minor BETWEEN 0 AND amount_minor),
        CONSTRAINT offers_currency_is_a_code CHECK (currency ~ '^[a-z]{3}$'),
        CONSTRAINT offers_message_is_limited CHECK (char_length(message) <= 2000),
        CONSTRAINT offers_state_is_known CHECK (state IN ('sent', 'accepted', 'completed', 'declined', 'withdrawn', 'expired')),
        CONSTRAINT offers_expires_within_30_days CHECK (expires_at > created_at AND expires_at <= created_at + interval '720 hours'),
        CONSTRAINT offers_answered_has_its_time CHECK ((state = 'sent') = (answered_at IS NULL)),
        CONSTRAINT offers_contractor_id_fkey FOREIGN KEY(contractor_id) REFERENCES users (id),
        CONSTRAINT offers_customer_wallet_id_fkey FOREIGN KEY(customer_wallet_id) REFERENCES wallets (id),
        CONSTRAINT offers_contractor_wallet_id_fkey FOREIGN KEY(contractor_wallet_id) REFERENCES wallets (id)
    )
    """,
    """
    CREATE INDEX offers_contractor_id_created_at_id_idx ON offers (contractor_id, created_at, id)
    """,
    """
    CREATE INDEX offers_customer_id_created_at_id_idx ON offers (customer_id, created_at, id)
    """,
    """
    CREATE INDEX offers_due_idx ON offers (expires_at, id) WHERE state = 'sent'
    """,
    """
    CREATE INDEX offers_funded_idx ON offers (customer_wallet_id) WHERE state IN ('sent', 'accepted')
    """,
    """
    CREATE INDEX offers_job_id_id_idx ON offers (job_id, id)
    """,
    """
    CREATE UNIQUE INDEX offers_one_accepted_per_job ON offers (job_id) WHERE state IN ('accepted', 'completed')
    """,
    """
    CREATE TABLE transactions (
        id UUID NOT NULL,
        type TEXT NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        from_wallet_id UUID,
        to_wallet_id UUID,
        status TEXT NOT NULL,
        offer_id UUID,
        job_id UUID,
        description TEXT NOT NULL,
        failure_reason TEXT,
        stripe_payment_intent_id TEXT,
        stripe_charge_id TEXT,
        stripe_transfer_id TEXT,
        stripe_payout_id TEXT,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        completed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT transactions_pkey PRIMARY KEY (id),
        CONSTRAINT transactions_type_is_known CHECK (type IN ('deposit', 'withdrawal', 'escrow_hold', 'platform_fee', 'service_fee', 'contractor_payout', 'refund')),
        CONSTRAINT transactions_status_is_known CHECK (status IN ('pending', 'completed', 'failed')),
        CONSTRAINT transactions_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT transactions_concerns_a_wallet CHECK (from_wallet_id IS NOT NULL OR to_wallet_id IS NOT NULL),
        CONSTRAINT transactions_completed_has_its_time CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
        CONSTRAINT transactions_failed_has_its_reason CHECK ((status = 'failed') = (failure_reason IS NOT NULL)),
        CONSTRAINT transactions_from_wallet_id_fkey FOREIGN KEY(from_wallet_id) REFERENCES wallets (id),
        CONSTRAINT transactions_to_wallet_id_fkey FOREIGN KEY(to_wallet_id) REFERENCES wallets (id),
        CONSTRAINT transactions_stripe_payment_intent_id_key UNIQUE (stripe_payment_intent_id),
        CONSTRAINT transactions_stripe_charge_id_key UNIQUE (stripe_charge_id),
        CONSTRAINT transactions_stripe_transfer_id_key UNIQUE (stripe_transfer_id),
        CONSTRAINT transactions_stripe_payout_id_key UNIQUE (stripe_payout_id)
    )
    """,
    """
    CREATE INDEX transactions_from_wallet_id_created_at_id_idx ON transactions (from_wallet_id, created_at, id)
    """,
    """
    CREATE INDEX transactions_to_wallet_id_created_at_id_idx ON transactions (to_wallet_id, created_at, id)
    """,
    """
    CREATE TABLE withdrawals (
        id UUID NOT NULL,
        user_id UUID NOT NULL,
        wallet_id UUID NOT NULL,
        account_id TEXT NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        state TEXT NOT NULL,
        transfer_attempt INTEGER DEFAULT 1 NOT NULL,
        payout_attempt INTEGER DEFAULT 1 NOT NULL,
        reversal_attempt INTEGER DEFAULT 1 NOT NULL,
        transfer_id TEXT,
        payout_id TEXT,
        reversal_id TEXT,
        reason TEXT,
        estimated_arrival TIMESTAMP WITH TIME ZONE,
        tries INTEGER DEFAULT 0 NOT NULL,
        next_try_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT withdrawals_pkey PRIMARY KEY (id),
        CONSTRAINT withdrawals_state_is_known CHECK (state IN ('reserved', 'transferring', 'transferred', 'paying_out', 'in_transit', 'paid', 'failed', 'reversing', 'returned')),
        CONSTRAINT withdrawals_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT withdrawals_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id),
        CONSTRAINT withdrawals_wallet_id_fkey FOREIGN KEY(wallet_id) REFERENCES wallets (id),
        CONSTRAINT withdrawals_transfer_id_key UNIQUE (transfer_id),
        CONSTRAINT withdrawals_payout_id_key UNIQUE (payout_id),
        CONSTRAINT withdrawals_reversal_id_key UNIQUE (reversal_id)
    )
    """,
    """
    CREATE INDEX withdrawals_next_try_at_idx ON withdrawals (next_try_at) WHERE next_try_at IS NOT NULL
    """,
    """
    CREATE INDEX withdrawals_wallet_id_idx ON withdrawals (wallet_id)
    """,
    """
    CREATE TABLE refunds (
        id UUID NOT NULL,
        deposit_id UUID NOT NULL,
        stripe_refund_id TEXT NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT refunds_pkey PRIMARY KEY (id),
        CONSTRAINT refunds_amount_is_positive CHECK (amount_minor > 0),
        CONSTRAINT refunds_deposit_id_fkey FOREIGN KEY(deposit_id) REFERENCES deposits (id),
        CONSTRAINT refunds_stripe_refund_id_key UNIQUE (stripe_refund_id)
    )
    """,
    """
    CREATE INDEX refunds_deposit_id_idx ON refunds (deposit_id)
    """,
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% of % is refused: its rows are kept as they were written', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'A correction is a new row.';
    END $$
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE audit_log ENABLE ALWAYS TRIGGER refuse_change
    """,
    """
    ALTER TABLE audit_log ENABLE ALWAYS TRIGGER refuse_truncate
    """,
    """
    CREATE FUNCTION ledger_open_balance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        IF NOT NEW.may_go_below_zero THEN
            INSERT INTO ledger_balances (account_id, balance_minor) VALUES (NEW.id, 0);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION ledger_move_balances() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE ledger_balances AS b
        SET balance_minor = b.balance_minor + moved.delta
        FROM (
            SELECT a.id, sum(CASE WHEN a.normal_side = m.side THEN m.amount ELSE -m.amount END) AS delta
            FROM (
                SELECT debit_account_id AS account_id, 'debit' AS side, amount_minor AS amount
                FROM new_postings
                UNION ALL
                SELECT credit_account_id, 'credit', amount_minor FROM new_postings
            ) AS m
            JOIN ledger_accounts AS a ON a.id = m.account_id
            WHERE NOT a.may_go_below_zero
            GROUP BY a.id
        ) AS moved
        WHERE b.account_id = moved.id AND moved.delta <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION ledger_lock_balances(account_ids bigint[])
    RETURNS TABLE (account_id bigint, balance_minor bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT b.account_id, b.balance_minor FROM ledger_balances AS b
        WHERE b.account_id = ANY (account_ids) ORDER BY b.account_id FOR UPDATE
    $$
    """,
    """
    CREATE FUNCTION refuse_direct_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'balances move with postings only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER open_balance AFTER INSERT ON ledger_accounts
    FOR EACH ROW EXECUTE FUNCTION ledger_open_balance()
    """,
    """
    CREATE TRIGGER move_balances AFTER INSERT ON postings REFERENCING NEW TABLE AS new_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_move_balances()
    """,
    """
    CREATE TRIGGER refuse_direct_balance BEFORE INSERT OR UPDATE OR DELETE ON ledger_balances
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_balance()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_balances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER open_balance
    """,
    """
    ALTER TABLE postings ENABLE ALWAYS TRIGGER move_balances
    """,
    """
    ALTER TABLE ledger_balances ENABLE ALWAYS TRIGGER refuse_direct_balance
    """,
    """
    ALTER TABLE ledger_balances ENABLE ALWAYS TRIGGER refuse_truncate
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON ledger_accounts FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_accounts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_change
    """,
    """
    ALTER TABLE ledger_accounts ENABLE ALWAYS TRIGGER refuse_truncate
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON journal_entries FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON journal_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE journal_entries ENABLE ALWAYS TRIGGER refuse_change
    """,
    """
    ALTER TABLE journal_entries ENABLE ALWAYS TRIGGER refuse_truncate
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON postings FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON postings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE postings ENABLE ALWAYS TRIGGER refuse_change
    """,
    """
    ALTER TABLE postings ENABLE ALWAYS TRIGGER refuse_truncate
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OF id, job_id, customer_id, contractor_id, customer_wallet_id, contractor_wallet_id, amount_minor, platform_fee_minor, service_fee_minor, currency, message, expires_at, created_at OR DELETE ON offers FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON offers FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE offers ENABLE ALWAYS TRIGGER refuse_change
    """,
    """
    ALTER TABLE offers ENABLE ALWAYS TRIGGER refuse_truncate
    """,
    """
    CREATE TRIGGER refuse_backward BEFORE UPDATE OF state ON offers FOR EACH ROW
    WHEN (NOT (
        (OLD.state = 'sent' AND NEW.state IN ('accepted', 'declined', 'withdrawn', 'expired'))
        OR (OLD.state = 'accepted' AND NEW.state = 'completed')
    ))
    EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_backward BEFORE UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NOT (
        (OLD.state = 'open' AND NEW.state IN ('assigned', 'closed'))
        OR (OLD.state = 'assigned' AND NEW.state = 'completed')
    ))
    EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE offers ENABLE ALWAYS TRIGGER refuse_backward
    """,
    """
    ALTER TABLE jobs ENABLE ALWAYS TRIGGER refuse_backward
    """,
    """
    CREATE TRIGGER refuse_change BEFORE UPDATE OF id, event_key, source, type, account_id, livemode, payload, received_at OR DELETE ON webhook_events FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON webhook_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    ALTER TABLE webhook_events ENABLE ALWAYS TRIGGER refuse_change
    """,
    """
    ALTER TABLE webhook_events ENABLE ALWAYS TRIGGER refuse_truncate
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        # Not text(): colons in the SQL are no parameters.
        op.get_bind().exec_driver_sql(statement)
